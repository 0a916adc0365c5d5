-- What the verify scripts ask of a function, trigger, policy or privilege: each drift is an error.

BEGIN;
\ir ../include/fixture.psql
\ir ../include/after.psql
SELECT plan(69);

-- A function as the package makes its own, a procedure that commits, and a function in SQL.
SELECT role AS owner FROM actor WHERE name = 'owner' \gset
CREATE FUNCTION planted(a text, b integer DEFAULT 1) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS 'BEGIN RETURN a; END';
CREATE PROCEDURE planted_procedure() LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION planted_sql() RETURNS integer LANGUAGE sql RETURN 1;
COMMENT ON FUNCTION planted IS 'Planted.';
COMMENT ON PROCEDURE planted_procedure IS 'Planted.';
COMMENT ON FUNCTION planted_sql IS 'Planted.';
REVOKE ALL ON ROUTINE planted, planted_procedure, planted_sql FROM PUBLIC;
GRANT EXECUTE ON FUNCTION planted TO skill_messages_app, skill_messages_service;
GRANT EXECUTE ON FUNCTION planted_sql TO pg_monitor;
ALTER FUNCTION planted OWNER TO :"owner";
ALTER PROCEDURE planted_procedure OWNER TO :"owner";
ALTER FUNCTION planted_sql OWNER TO :"owner";

SELECT is(
    after(change, format(
        'SELECT skill_messages_private.verify_function(''skill_messages_test.%s'', %s)', name, asked
    )),
    CASE WHEN differs IS NULL THEN 'nothing'
        ELSE format('P0001 skill_messages_test.%s %s', name, differs) END,
    one_line(format('%s, %s: %s', change, asked, differs))
)
FROM (VALUES
    ('planted(text,integer)', 'a text, b integer DEFAULT 1', 'text', '{service,app}', 'stable'),
    ('planted_procedure()', '', NULL, '{}', 'volatile'),
    ('planted_sql()', '', 'integer', '{pg_monitor}', 'volatile')
) AS planted (name, arguments, result, callers, volatility)
CROSS JOIN LATERAL (
    SELECT format('%L, %L, %L, %L', arguments, result, callers, volatility)
) AS asks (right_way)
CROSS JOIN LATERAL (VALUES
    ('planted', 'SELECT', NULL, NULL),
    ('planted_procedure', 'SELECT', NULL, NULL),
    ('planted_procedure', 'SELECT', $$'', NULL, '{}'$$, NULL),
    ('planted_procedure', 'SELECT', $$'', 'text', '{}'$$, 'differs: its result: none'),
    ('planted_sql', 'SELECT', NULL, NULL),
    ('planted', 'SELECT', $$'a text', 'text', '{app,service}', 'stable'$$,
        'differs: its arguments: a text, b integer DEFAULT 1'),
    ('planted', 'SELECT', $$'a text, b integer DEFAULT 1', 'name', '{app,service}', 'stable'$$,
        'differs: its result: text'),
    ('planted', 'SELECT', $$'a text, b integer DEFAULT 1', 'text', '{app,service}'$$,
        'differs: its volatility'),
    ('planted', 'SELECT', $$'a text, b integer DEFAULT 1', 'text', '{app}', 'stable'$$,
        'differs: who may execute it'),
    ('planted', 'SELECT', $$'a text, b integer DEFAULT 1', 'text', '{app,retention}', 'stable'$$,
        'differs: who may execute it'),
    ('planted', 'ALTER FUNCTION planted IMMUTABLE', NULL, 'differs: its volatility'),
    ('planted', 'ALTER FUNCTION planted OWNER TO skill_messages_test_nobody', NULL,
        'differs: its owner'),
    ('planted', 'ALTER FUNCTION planted SECURITY DEFINER', NULL, 'differs: SECURITY DEFINER'),
    ('planted', 'ALTER FUNCTION planted LEAKPROOF', NULL, 'differs: LEAKPROOF, STRICT or PARALLEL'),
    ('planted', 'ALTER FUNCTION planted STRICT', NULL, 'differs: LEAKPROOF, STRICT or PARALLEL'),
    ('planted', 'ALTER FUNCTION planted PARALLEL SAFE', NULL,
        'differs: LEAKPROOF, STRICT or PARALLEL'),
    ('planted', 'ALTER FUNCTION planted RESET search_path', NULL, 'differs: its search_path'),
    ('planted', 'ALTER FUNCTION planted SET search_path = pg_catalog, public', NULL,
        'differs: its search_path'),
    ('planted', 'ALTER FUNCTION planted SET row_security = off', NULL, 'differs: its search_path'),
    ('planted_procedure', 'ALTER PROCEDURE planted_procedure SET search_path = public', NULL,
        'differs: its search_path'),
    ('planted_procedure', 'ALTER PROCEDURE planted_procedure SET search_path = pg_catalog, pg_temp',
        NULL, NULL),
    ('planted_sql', 'ALTER FUNCTION planted_sql SET search_path = public', NULL,
        'differs: its search_path'),
    ('planted_sql', 'CREATE OR REPLACE FUNCTION planted_sql() RETURNS integer LANGUAGE sql
        SET search_path = pg_catalog, pg_temp AS ''SELECT 1''', NULL, 'differs: its language'),
    ('planted_sql', 'CREATE OR REPLACE FUNCTION planted_sql() RETURNS integer LANGUAGE sql
        AS ''SELECT 1''', NULL, 'differs: its search_path, its language'),
    ('planted', 'GRANT EXECUTE ON FUNCTION planted TO PUBLIC', NULL, 'differs: who may execute it'),
    ('planted', 'GRANT EXECUTE ON FUNCTION planted TO skill_messages_test_nobody', NULL,
        'differs: who may execute it'),
    ('planted', 'GRANT EXECUTE ON FUNCTION planted TO skill_messages_app WITH GRANT OPTION', NULL,
        'differs: who may execute it'),
    -- Nothing was ever granted or revoked: PUBLIC may.
    ('planted_procedure', 'DROP PROCEDURE planted_procedure;
        CREATE PROCEDURE planted_procedure() LANGUAGE plpgsql AS ''BEGIN END'';
        COMMENT ON PROCEDURE planted_procedure IS ''Planted.'';
        ALTER PROCEDURE planted_procedure OWNER TO ' || quote_ident(:'owner'), NULL,
        'differs: who may execute it'),
    ('planted', 'CREATE FUNCTION planted(a integer) RETURNS integer LANGUAGE sql RETURN a', NULL,
        'differs: there is another one of this name'),
    ('planted', 'CREATE SCHEMA skill_messages_test_2;
        CREATE FUNCTION skill_messages_test_2.planted(a integer) RETURNS int LANGUAGE sql RETURN a',
        NULL, NULL),
    ('planted', 'COMMENT ON FUNCTION planted IS NULL', NULL, 'differs: it has no comment'),
    ('planted', 'ALTER FUNCTION planted SECURITY DEFINER STRICT', NULL,
        'differs: SECURITY DEFINER, LEAKPROOF, STRICT or PARALLEL'),
    ('planted', 'DROP FUNCTION planted', NULL, 'is missing')
) AS drift (named, change, otherwise, differs)
CROSS JOIN LATERAL (SELECT coalesce(otherwise, right_way)) AS what (asked)
WHERE name LIKE named || '(%';

SELECT is(
    after(change, format('SELECT skill_messages_private.verify_trigger(%L, %L, %L)', asked,
        calls, coalesce(otherwise, 'BEFORE UPDATE WHEN (((old.status <> ''pending''::text) AND '
            '(new.status IS DISTINCT FROM old.status)))'))),
    CASE WHEN expected THEN 'nothing'
        ELSE format('P0001 the trigger %s is missing, disabled or different', asked) END,
    one_line(format('trigger %s, %s %s: %s', asked, calls, otherwise, change))
)
FROM (VALUES
    ('SELECT', 'answered_once', 'refuse_skill_message_change', NULL, true),
    ('SELECT', 'other', 'refuse_skill_message_change', NULL, false),
    ('SELECT', 'answered_once', 'set_skill_message_times', NULL, false),
    ('SELECT', 'answered_once', 'refuse_skill_message_change', 'BEFORE UPDATE', false),
    ('ALTER TABLE skill_messages DISABLE TRIGGER answered_once', 'answered_once',
        'refuse_skill_message_change', NULL, false),
    ('ALTER TABLE skill_messages ENABLE ALWAYS TRIGGER answered_once', 'answered_once',
        'refuse_skill_message_change', NULL, false),
    ('CREATE TABLE aside (LIKE skill_messages); CREATE TRIGGER elsewhere BEFORE UPDATE ON aside
        FOR EACH ROW EXECUTE FUNCTION skill_messages_private.refuse_skill_message_change()',
        'elsewhere', 'refuse_skill_message_change', 'BEFORE UPDATE ON skill_messages_test.aside '
        'FOR EACH ROW', false)
) AS drift (change, asked, calls, otherwise, expected);

-- Policies and privileges, of a table that is nobody's.
CREATE TABLE planted (id text, tenant_id text, status text, gone text);
CREATE TABLE "Other" (id text);
GRANT INSERT, DELETE ON planted TO skill_messages_app;
GRANT UPDATE (status, id, gone), SELECT (tenant_id) ON planted TO skill_messages_app;
GRANT SELECT ON planted TO skill_messages_service WITH GRANT OPTION;
GRANT UPDATE (id) ON planted TO skill_messages_service WITH GRANT OPTION;
ALTER TABLE planted DROP gone;
CREATE POLICY planted ON planted AS RESTRICTIVE FOR UPDATE
TO skill_messages_service, skill_messages_app
USING (tenant_id = CASE WHEN id <> '' THEN 'a' ELSE 'b' END)
WITH CHECK (tenant_id = CASE WHEN id <> '' THEN 'c' ELSE 'd' END);
\set both '{skill_messages_app,skill_messages_service}'
\set reads '(tenant_id = CASE WHEN (id <> \'\'::text) THEN \'a\'::text ELSE \'b\'::text END)'
\set writes '(tenant_id = CASE WHEN (id <> \'\'::text) THEN \'c\'::text ELSE \'d\'::text END)'
CREATE POLICY planted ON "Other" USING (id <> '');

SELECT is(
    after(change, format('SELECT skill_messages_private.verify_policy(''skill_messages_test.%s'', '
        '''planted'', %L, %L, %L, %L, %L)', tab, kind, command, roles, reads, writes)),
    CASE WHEN expected THEN 'nothing' ELSE format('P0001 the policy planted on '
        'skill_messages_test.%s is missing or different', tab) END,
    format('policy of %s: %s %s %s %s %s %s', tab, kind, command, roles, reads, writes, change)
)
FROM (VALUES
    ('"Other"', 'permissive', 'all', '{public}', '(id <> ''''::text)', NULL, 'SELECT', true),
    ('"Other"', 'permissive', 'all', '{public}', '(id <> ''''::text)', 'true', 'SELECT', false),
    ('"Other"', 'permissive', 'all', '{public}', NULL, NULL, 'SELECT', false),
    ('planted', 'restrictive', 'update', :'both', :'reads', :'writes', 'SELECT', true),
    ('planted', 'permissive', 'update', :'both', :'reads', :'writes', 'SELECT', false),
    ('planted', 'restrictive', 'all', :'both', :'reads', :'writes', 'SELECT', false),
    ('planted', 'restrictive', 'update', '{skill_messages_app}', :'reads', :'writes', 'SELECT',
        false),
    ('planted', 'restrictive', 'update', :'both', :'writes', :'writes', 'SELECT', false),
    ('planted', 'restrictive', 'update', :'both', :'reads', :'reads', 'SELECT', false),
    ('planted', 'restrictive', 'update', :'both', :'reads', NULL, 'SELECT', false),
    ('"Other"', 'restrictive', 'update', :'both', :'reads', :'writes', 'SELECT', false),
    ('planted', 'restrictive', 'update', :'both', :'reads', :'writes',
        'ALTER POLICY planted ON planted RENAME TO other', false)
) AS drift (tab, kind, command, roles, reads, writes, change, expected);

SELECT is(
    after('SELECT', format('SELECT skill_messages_private.verify_privileges(%L, %L, %L)',
        'skill_messages_test.' || tab, role, asked)),
    CASE WHEN held = asked THEN 'nothing'
        ELSE format('P0001 %s has other privileges on skill_messages_test.%s than %s: %s', role,
            tab, asked, held)
    END,
    format('%s on %s: %s', role, tab, asked)
)
FROM (VALUES
    ('planted', 'skill_messages_app', 'DELETE, INSERT, SELECT (tenant_id), UPDATE (id, status)'),
    ('planted', 'skill_messages_service',
        'SELECT WITH GRANT OPTION, UPDATE (id) WITH GRANT OPTION'),
    ('planted', 'skill_messages_retention', 'none'),
    ('"Other"', 'skill_messages_app', 'none')
) AS privileges (tab, role, held)
CROSS JOIN (VALUES (NULL), ('none'), ('SELECT')) AS answers (answer)
CROSS JOIN LATERAL (SELECT coalesce(answer, held)) AS what (asked);

SELECT is(skill_messages_private.other_grantees('skill_messages_test.' || tab, VARIADIC expected),
    others, format('%s but %s', tab, expected))
FROM (VALUES
    ('planted', ARRAY['skill_messages_service'], 'skill_messages_app'),
    ('planted', '{}', 'skill_messages_app, skill_messages_service'),
    ('planted', ARRAY['skill_messages_service', 'skill_messages_app'], NULL),
    ('"Other"', '{}', NULL)
) AS tables (tab, expected, others);

GRANT SELECT (id) ON "Other" TO PUBLIC;
SELECT is(skill_messages_private.other_grantees('skill_messages_test."Other"', 'public'), 'PUBLIC',
    'everybody, on one column');

SELECT * FROM finish();
ROLLBACK;
