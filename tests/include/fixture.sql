-- What every test file starts from: two tenants whose ids look alike, the actors, and four
-- functions that act as somebody. Included inside the file's transaction, so that all of it rolls
-- back.

\set ON_ERROR_STOP on
\set ON_ERROR_ROLLBACK off
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off

SET LOCAL client_min_messages = warning;
SET LOCAL search_path = public, tap;
SET LOCAL timezone = 'UTC';

-- The actors. The tests know them by these names.
CREATE ROLE skill_messages_test_service LOGIN IN ROLE skill_messages_service;
CREATE ROLE skill_messages_test_app LOGIN IN ROLE skill_messages_app;
CREATE ROLE skill_messages_test_both LOGIN IN ROLE skill_messages_service, skill_messages_app;
CREATE ROLE skill_messages_test_retention LOGIN IN ROLE skill_messages_retention;
CREATE ROLE skill_messages_test_monitor LOGIN IN ROLE pg_monitor;
CREATE ROLE skill_messages_test_nobody LOGIN;

CREATE TABLE tap.actor (name, role) AS
SELECT name, role::text
FROM (VALUES
    ('service', 'skill_messages_service'),
    ('app', 'skill_messages_app'),
    ('service login', 'skill_messages_test_service'),
    ('app login', 'skill_messages_test_app'),
    ('both', 'skill_messages_test_both'),
    ('retention', 'skill_messages_retention'),
    ('retention login', 'skill_messages_test_retention'),
    ('monitor', 'skill_messages_test_monitor'),
    ('nobody', 'skill_messages_test_nobody'),
    ('superuser', session_user)
) AS known (name, role)
UNION ALL
SELECT 'owner',
    tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'skill_messages';

-- Runs a statement as an actor, in a context: what it gave (rows, or how many), or its error.
-- Unless it is to be kept, it leaves no trace, so that the cells of a matrix are independent.
-- tenant NULL means never set. A setting once set comes back as '', so that case must come first in
-- a file.
CREATE FUNCTION tap.trial(
    actor text, tenant text, me text, statement text, keep boolean,
    OUT gave text, OUT code text, OUT message text, OUT hint text
)
LANGUAGE plpgsql
AS $$
DECLARE
    v_role text;
    v_row record;
    v_rows text[];
    v_count bigint;
BEGIN
    SELECT a.role INTO STRICT v_role FROM tap.actor AS a WHERE a.name = actor;

    IF tenant IS NULL AND current_setting('app.current_tenant_id', true) IS NOT NULL THEN
        RAISE EXCEPTION 'the tenant was set before: test the context never set first';
    END IF;

    BEGIN
        IF tenant IS NOT NULL THEN
            PERFORM set_config('app.current_tenant_id', tenant, true);
        END IF;
        IF me IS NOT NULL OR current_setting('app.current_user_id', true) <> '' THEN
            PERFORM set_config('app.current_user_id', coalesce(me, ''), true);
        END IF;
        EXECUTE format('SET LOCAL ROLE %I', v_role);

        IF statement ~* '^\s*(SELECT|WITH)\M|\mRETURNING\M' THEN
            FOR v_row IN EXECUTE statement LOOP
                v_rows := v_rows
                    || (SELECT string_agg(coalesce(value, 'null'),
                        ',') FROM json_each_text(to_json(v_row)));
            END LOOP;
            gave := coalesce(array_to_string(v_rows, ' '), 'nothing');
        ELSE
            EXECUTE statement;
            GET DIAGNOSTICS v_count = ROW_COUNT;
            gave := v_count || ' rows';
        END IF;

        IF NOT keep THEN
            RAISE EXCEPTION USING ERRCODE = 'UNDO0';
        END IF;
        SET LOCAL ROLE NONE;
    EXCEPTION
        WHEN SQLSTATE 'UNDO0' THEN
            NULL;
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS
                code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
            gave := NULL;
    END;
END;
$$;

-- What a statement gives, or its SQLSTATE; undone.
CREATE FUNCTION tap.attempt(actor text, tenant text, me text, statement text) RETURNS text
LANGUAGE sql
AS $$ SELECT coalesce(t.code, t.gave) FROM tap.trial(actor, tenant, me, statement, false) AS t $$;

-- The same, kept.
CREATE FUNCTION tap.act(actor text, tenant text, me text, statement text) RETURNS text
LANGUAGE sql
AS $$ SELECT coalesce(t.code, t.gave) FROM tap.trial(actor, tenant, me, statement, true) AS t $$;

-- The error of a statement that fails: SQLSTATE and message, and whether it lacks a hint.
CREATE FUNCTION tap.complaint(actor text, tenant text, me text, statement text) RETURNS text
LANGUAGE sql
AS $$
    SELECT coalesce(
        t.code || ' ' || t.message || CASE t.hint WHEN '' THEN ' (without a hint)' ELSE '' END,
        'no error: ' || t.gave)
    FROM tap.trial(actor, tenant, me, statement, false) AS t
$$;

INSERT INTO tenants (id, name) VALUES ('acme', 'Acme'), ('Acme', 'Another Acme');

INSERT INTO users (tenant_id, id, name)
VALUES
    ('acme', 'ann', 'Ann'),
    ('acme', 'ben', 'Ben'),
    ('acme', 'cid', 'Cid'),
    ('Acme', 'Ann', 'Another Ann'),
    ('Acme', 'gus', 'Gus');

INSERT INTO skills (tenant_id, id, name)
VALUES
    ('acme', 'knots', 'Knots'),
    ('acme', 'ropes', 'Ropes'),
    ('acme', 'sails', 'Sails'),
    ('Acme', 'Knots', 'Other knots'),
    ('Acme', 'winds', 'Winds');

INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message,
        created_at)
VALUES
    ('a1', 'acme', 'ann', 'ben', 'knots', 'ropes', 'Mine under yours?', '2026-01-01'),
    ('a2', 'acme', 'ben', 'ann', 'ropes', 'knots', 'Yours under mine?', '2026-01-02'),
    ('a3', 'acme', 'ben', 'cid', 'sails', NULL, 'Shall we?', '2026-01-03'),
    ('a4', 'acme', 'ann', 'ben', 'knots', 'sails', 'Or so?', '2026-01-04'),
    ('a5', 'acme', 'ben', 'ann', 'sails', NULL, 'Or thus?', '2026-01-05'),
    ('g1', 'Acme', 'Ann', 'gus', 'Knots', 'winds', 'Mine under yours?', '2026-01-01'),
    ('g2', 'Acme', 'gus', 'Ann', 'winds', NULL, 'Yours under mine?', '2026-01-02');

-- a4 is read and accepted, a5 read and declined. All others are pending and unread.
UPDATE skill_messages SET status = 'accepted', read_at = '2026-02-04' WHERE id = 'a4';
UPDATE skill_messages SET status = 'declined', read_at = '2026-02-05' WHERE id = 'a5';
