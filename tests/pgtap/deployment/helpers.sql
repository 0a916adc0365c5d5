-- What the deployment calls to lock, to build keys and to revoke, and what a revert asks first.

BEGIN;
\ir ../include/fixture.psql
\ir ../include/strangers.psql
\ir ../include/after.psql
SELECT plan(85);

SET LOCAL client_min_messages = error;

SELECT set_eq(
    'SELECT to_regprocedure(signature) FROM skill_messages_private.operations() AS o (signature)',
    $$SELECT oid::regprocedure FROM package_function WHERE pronamespace = 'public'::regnamespace$$,
    'these are the operations'
);

-- A key that a foreign key can refer to.
SELECT is(
    after('CREATE TABLE planted (id text, tenant_id text, name text); ' || change,
        'SELECT skill_messages_private.has_host_key(''skill_messages_test.planted'')'),
    expected::text, coalesce(nullif(change, ''), 'no index')
)
FROM (VALUES
    ('', false),
    ('CREATE UNIQUE INDEX ON planted (tenant_id, id)', true),
    ('CREATE UNIQUE INDEX ON planted (id, tenant_id)', true),
    ('CREATE UNIQUE INDEX ON planted (id, tenant_id) INCLUDE (name)', true),
    ('ALTER TABLE planted ADD PRIMARY KEY (id, tenant_id)', true),
    ('CREATE INDEX ON planted (id, tenant_id)', false),
    ('ALTER TABLE planted ADD UNIQUE (id, tenant_id) DEFERRABLE', false),
    ('CREATE UNIQUE INDEX ON planted (id, tenant_id); UPDATE pg_index SET indisvalid = false '
        'WHERE indrelid = ''planted''::regclass', false),
    ('CREATE UNIQUE INDEX ON planted (id, tenant_id) WHERE name <> ''''', false),
    ('CREATE UNIQUE INDEX ON planted (id, lower(tenant_id))', false),
    ('CREATE UNIQUE INDEX ON planted (id, tenant_id, lower(name))', false),
    ('CREATE UNIQUE INDEX ON planted (id, tenant_id, name)', false),
    ('CREATE UNIQUE INDEX ON planted (id, name)', false),
    ('CREATE UNIQUE INDEX ON planted (tenant_id, name)', false),
    ('CREATE UNIQUE INDEX ON planted (id)', false),
    ('CREATE UNIQUE INDEX ON planted (id) INCLUDE (tenant_id)', false),
    ('CREATE TABLE other (id text, tenant_id text, UNIQUE (id, tenant_id))', false)
) AS changes (change, expected);

-- How a table of the host comes to have one, and loses it again.
SELECT is(
    after(format('CREATE TABLE public."Planted" (id text, tenant_id text)%s; %s', partitioned,
        change), 'SELECT * FROM skill_messages_private.host_key_statements(''Planted'''
        || CASE WHEN wanted THEN ')' ELSE ', false)' END),
    coalesce(replace(replace(replace(expected, 'CREATED', format('CREATE UNIQUE INDEX %s'
        '"Planted_skill_messages_key" ON public."Planted" (tenant_id, id)', online)),
        'DROPPED', format('DROP INDEX %spublic."Planted_skill_messages_key"', online)),
        'SAID', 'COMMENT ON INDEX public."Planted_skill_messages_key" IS ''What the foreign keys '
        'of skill_messages refer to (created by skill_messages)'''), 'nothing'),
    format('host_key_statements %s%s: %s', wanted, partitioned, change)
)
FROM (VALUES ('', 'CONCURRENTLY '), (' PARTITION BY LIST (id)', '')) AS kinds (partitioned, online)
CROSS JOIN (VALUES
    (true, 'SELECT', E'CREATED\nSAID'),
    (false, 'SELECT', NULL),
    (true, 'CREATE UNIQUE INDEX ON public."Planted" (id, tenant_id)', NULL),
    (false, 'CREATE UNIQUE INDEX ON public."Planted" (id, tenant_id)', NULL),
    (true, 'CREATE UNIQUE INDEX "Planted_skill_messages_key" ON public."Planted" (tenant_id, id)',
        'SAID'),
    (false, 'CREATE UNIQUE INDEX "Planted_skill_messages_key" ON public."Planted" (tenant_id, id)',
        NULL),
    (false, 'CREATE UNIQUE INDEX "Planted_skill_messages_key" ON public."Planted" (tenant_id, id);
        COMMENT ON INDEX public."Planted_skill_messages_key" IS ''Key (created by skill_messages)''
        ', 'DROPPED'),
    (true, 'CREATE UNIQUE INDEX "Planted_skill_messages_key" ON public."Planted" (tenant_id, id);
        UPDATE pg_index SET indisvalid = false WHERE indrelid = ''public."Planted"''::regclass',
        E'DROPPED\nCREATED\nSAID'),
    (false, 'CREATE UNIQUE INDEX "Planted_skill_messages_key" ON public."Planted" (tenant_id, id);
        UPDATE pg_index SET indisvalid = false WHERE indrelid = ''public."Planted"''::regclass',
        'DROPPED'),
    -- Another table has an index of this name: not ours to touch.
    (false, 'CREATE TABLE public.other (id text CONSTRAINT "Planted_skill_messages_key" UNIQUE);
        COMMENT ON INDEX public."Planted_skill_messages_key" IS ''Key (created by skill_messages)''
        ', NULL)
) AS cases (wanted, change, expected);

-- A statement that waits for a lock for a moment only, and tries again.
CREATE SEQUENCE attempts;
CREATE FUNCTION attempted(busy integer, code text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF nextval('skill_messages_test.attempts') <= busy THEN
        RAISE EXCEPTION 'busy' USING ERRCODE = code;
    END IF;
    IF current_setting('lock_timeout') <> '100ms' THEN
        RAISE EXCEPTION 'it waits for %', current_setting('lock_timeout');
    END IF;
END;
$$;

SELECT is(
    after(format('SET LOCAL skill_messages.patience = %L; ALTER SEQUENCE attempts RESTART',
        patience), format('CALL skill_messages_private.short_locks(%L)', statement))
        || ' after ' || currval('attempts'),
    coalesce(replace(expected, 'STATEMENT', statement), 'nothing') || ' after ' || tries,
    format('busy %s times with %L, patience %L', busy, code, patience)
)
FROM (VALUES
    (0, '', '', NULL, 1),
    (1, '55P03', '', NULL, 2),
    (2, '55P03', '1 min', NULL, 3),
    (1, '22012', '', '22012 busy', 1),
    (9, '55P03', '-1s', E'55P03 within -00:00:01 the table was never free for: STATEMENT\nEnd the '
        'transactions that hold locks on the table (see pg_stat_activity.xact_start), and run it '
        'again: it goes on where it stopped. To wait longer: '
        'PGOPTIONS="-c skill_messages.patience=1h"', 1)
) AS cases (busy, code, patience, expected, tries)
CROSS JOIN format('SELECT skill_messages_test.attempted(%s, %L)', busy, code) AS statement;


-- Its privileges are taken from everybody but the owner.
CREATE TABLE planted (id text, other text);
CREATE VIEW "Planted view" AS SELECT 1 AS id;
CREATE FUNCTION planted(integer) RETURNS integer LANGUAGE sql RETURN 1;
CREATE FUNCTION opened(integer) RETURNS integer LANGUAGE sql RETURN 1;
CREATE PROCEDURE "Planted"() LANGUAGE sql BEGIN ATOMIC SELECT; END;
CREATE TABLE untouched (id text);
GRANT ALL ON planted, untouched TO PUBLIC, skill_messages_app;
GRANT SELECT (id) ON planted TO skill_messages_service;
GRANT SELECT ON planted TO skill_messages_test_retention WITH GRANT OPTION;
SET LOCAL ROLE skill_messages_test_retention;
GRANT SELECT ON planted TO skill_messages_test_nobody;
RESET ROLE;
GRANT SELECT ON "Planted view" TO PUBLIC, skill_messages_service;
GRANT EXECUTE ON ROUTINE opened, "Planted" TO skill_messages_app;
CREATE ROLE "skill_messages test" NOLOGIN;
GRANT EXECUTE ON ROUTINE opened, "Planted" TO "skill_messages test";
GRANT DELETE ON planted TO "skill_messages test";

DO $$
DECLARE
    v_object text;
BEGIN
    FOREACH v_object IN ARRAY ARRAY[
        'planted', '"Planted view"', 'planted(integer)', 'opened(integer)', '"Planted"()'
    ] LOOP
        CALL skill_messages_private.revoke_from_all('skill_messages_test.' || v_object);
    END LOOP;
END;
$$;

SELECT is(
    EXISTS (SELECT FROM aclexplode(acl) AS g WHERE g.grantee <> owner), expected,
    name || ' after revoke_from_all()'
)
FROM (
    SELECT oid::regclass::text, relacl, relowner, relname = 'untouched'
    FROM pg_class WHERE relname IN ('planted', 'Planted view', 'untouched')
        AND relnamespace = 'skill_messages_test'::regnamespace
    UNION ALL
    SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)), proowner, false
    FROM pg_proc WHERE proname IN ('planted', 'opened', 'Planted')
        AND pronamespace = 'skill_messages_test'::regnamespace
) AS objects (name, acl, owner, expected);

SELECT is(
    (SELECT count(*) FROM aclexplode(relacl) AS g WHERE g.grantee = relowner
        AND g.privilege_type = 'SELECT'), 1::bigint, 'the owner keeps what it has'
)
FROM pg_class WHERE oid = 'planted'::regclass;

-- A foreign key is added as the owner, whom FORCE shows no row, and all rows are compared.
CREATE TABLE present (id text PRIMARY KEY);
CREATE TABLE lacking (id text PRIMARY KEY);
INSERT INTO present SELECT DISTINCT tenant_id FROM skill_messages;
INSERT INTO lacking SELECT id FROM present WHERE id <> 'Acme';
SELECT format('ALTER TABLE %I OWNER TO %I; ALTER TABLE %1$I ENABLE ROW LEVEL SECURITY, '
    'FORCE ROW LEVEL SECURITY', tab, role)
FROM (VALUES ('present'), ('lacking')) AS tabs (tab), actor
WHERE name = 'owner' \gexec

CREATE FUNCTION key_of() RETURNS text
LANGUAGE sql
AS $$
    SELECT concat_ws(', ', max(pg_get_constraintdef(c.oid)),
        (SELECT string_agg(t.relname, ', ' ORDER BY t.relname) FROM pg_class AS t
        WHERE t.relforcerowsecurity AND t.oid = ANY (
            ARRAY['public.skill_messages', 'skill_messages_test.present']::regclass[])))
    FROM pg_constraint AS c WHERE c.conname = 'planted_fkey'
$$;

SELECT is(
    after(change, format('DO %L', format('BEGIN CALL skill_messages_private.add_foreign_key('
        '''planted_fkey'', %L); RAISE SQLSTATE ''UNDO2'' USING MESSAGE = '
        'skill_messages_test.key_of(); END', definition)), 'owner'),
    expected, one_line(change || ': ' || definition)
)
FROM (VALUES
    ('SELECT', 'FOREIGN KEY (tenant_id) REFERENCES skill_messages_test.present',
        'UNDO2 FOREIGN KEY (tenant_id) REFERENCES present(id), present, skill_messages'),
    ('SELECT', 'FOREIGN KEY (tenant_id) REFERENCES skill_messages_test.lacking',
        E'23503 insert or update on table "skill_messages" violates foreign key constraint '
        '"planted_fkey"\nKey (tenant_id)=(Acme) is not present in table "lacking".'),
    ('ALTER TABLE skill_messages ADD CONSTRAINT planted_fkey FOREIGN KEY (tenant_id) REFERENCES
        present NOT VALID', 'nonsense',
        'UNDO2 FOREIGN KEY (tenant_id) REFERENCES present(id), present, skill_messages'),
    ('ALTER TABLE skill_messages ADD CONSTRAINT planted_fkey FOREIGN KEY (tenant_id) REFERENCES
        lacking NOT VALID', 'nonsense',
        E'23503 insert or update on table "skill_messages" violates foreign key constraint '
        '"planted_fkey"\nKey (tenant_id)=(Acme) is not present in table "lacking".'),
    ('ALTER TABLE skill_messages ADD CONSTRAINT planted_fkey FOREIGN KEY (tenant_id) REFERENCES
        present', 'nonsense',
        'UNDO2 FOREIGN KEY (tenant_id) REFERENCES present(id), present, skill_messages'),
    ('ALTER TABLE present ADD CONSTRAINT planted_fkey FOREIGN KEY (id) REFERENCES present',
        'nonsense', '42601 syntax error at or near "nonsense"')
) AS keys (change, definition, expected);

-- Which names are hidden.
SELECT is_unless(
    host_owns('tenants', 'users', 'skills'),
    after(change, 'SELECT * FROM skill_messages_private.hidden_names()'), expected, change
)
FROM (VALUES
    ('SELECT', 'nothing'),
    ('REVOKE SELECT ON users FROM skill_messages_app',
        'GRANT SELECT (id, name, tenant_id) ON public.users TO skill_messages_app'),
    ('REVOKE SELECT ON users, tenants FROM skill_messages_app, skill_messages_service;
        GRANT SELECT (name) ON users TO skill_messages_app, skill_messages_service',
        E'GRANT SELECT (id, name) ON public.tenants TO skill_messages_app, skill_messages_service\n'
        'GRANT SELECT (id, tenant_id) ON public.users TO skill_messages_app, '
        'skill_messages_service'),
    ('REVOKE SELECT ON skill_messages FROM skill_messages_app', 'nothing'),
    ('DROP POLICY tenant_access ON users', E'CREATE POLICY skill_messages_names ON public.users '
        'FOR SELECT TO skill_messages_app, skill_messages_service USING (tenant_id = '
        'current_setting(''app.current_tenant_id'', true))'),
    ('DROP POLICY tenant_access ON users; ALTER TABLE users DISABLE ROW LEVEL SECURITY', 'nothing'),
    ('DROP POLICY tenant_access ON users; CREATE POLICY other ON users FOR DELETE USING (true)',
        E'CREATE POLICY skill_messages_names ON public.users '
        'FOR SELECT TO skill_messages_app, skill_messages_service USING (tenant_id = '
        'current_setting(''app.current_tenant_id'', true))'),
    ('DROP POLICY tenant_access ON users; CREATE POLICY other ON users FOR SELECT USING (true)',
        'nothing'),
    ('ALTER POLICY tenant_access ON tenants TO skill_messages_service',
        E'CREATE POLICY skill_messages_names ON public.tenants '
        'FOR SELECT TO skill_messages_app USING (id = '
        'current_setting(''app.current_tenant_id'', true))')
) AS changes (change, expected);

-- What a revert asks first. What the tests made of the table themselves is no obstacle.
CREATE FUNCTION lost() RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_table text;
    v_rows bigint;
    v_lost text[];
BEGIN
    FOREACH v_table IN ARRAY ARRAY['skill_messages', 'tenants', 'users', 'skills'] LOOP
        CONTINUE WHEN v_table <> 'skill_messages' AND coalesce(obj_description(
            to_regclass('public.' || v_table), 'pg_class'), '') !~ '\(created by skill_messages\)$';
        EXECUTE format('SELECT count(*) FROM public.%I', v_table) INTO v_rows;
        v_lost := v_lost || format('%s rows of public.%s', v_rows, v_table);
    END LOOP;
    RETURN array_to_string(v_lost, ', ');
END;
$$;

SELECT is_unless(
    host_owns('tenants', 'users', 'skills'),
    after('DROP VIEW fixture_messages, package_relation, package_function; ' || change,
        format('CALL skill_messages_private.check_revert(%L)', messages), actor),
    replace(coalesce(expected, 'nothing'), 'LOST', format(E'55000 this revert would lose %s\n'
        'Nothing was undone. To export them all, run: psql -XqAt -d … -f sql/export.sql > '
        'messages.jsonl. To give them up: sqitch revert --set messages=discard. If the revert '
        'stops before the tables: sqitch revert --to … --set messages=keep', lost())),
    format('%s asks for a revert, messages=%s: %s', actor, messages, change)
)
FROM (VALUES ('owner'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('', 'SELECT', 'LOST'),
    ('discard', 'SELECT', NULL),
    ('keep', 'SELECT', NULL),
    ('other', 'SELECT', E'22023 messages is ''other''\nsqitch revert --set messages=discard, or '
        '--set messages=keep'),
    ('', 'DROP VIEW skill_message_totals', 'LOST'),
    ('keep', 'CREATE VIEW planted_view AS SELECT id FROM skill_messages', NULL),
    ('', 'CREATE VIEW planted_view AS SELECT id FROM skill_messages',
        E'2BP01 something of the host depends on skill_messages\nview '
        'skill_messages_test.planted_view depends on table public.skill_messages\nDrop it first. '
        'Nothing was undone.'),
    ('discard', 'CREATE VIEW planted_view AS SELECT sent FROM skill_message_totals',
        E'2BP01 something of the host depends on skill_messages\nview '
        'skill_messages_test.planted_view depends on view public.skill_message_totals\nview '
        'public.skill_message_totals depends on table public.skill_messages\nview '
        'skill_messages_test.planted_view depends on view public.skill_message_totals\nDrop it '
        'first. Nothing was undone.'),
    ('discard', 'CREATE VIEW planted_view AS SELECT name FROM skill_messages_private.user_names',
        E'2BP01 something of the host depends on skill_messages\nview '
        'skill_messages_test.planted_view depends on view skill_messages_private.user_names\nview '
        'skill_messages_private.skill_names depends on table public.skills\nview '
        'skill_messages_private.user_names depends on table public.users\nview '
        'skill_messages_test.planted_view depends on view skill_messages_private.user_names\nview '
        'skill_messages_private.tenant_names depends on table public.tenants\nDrop it first. '
        'Nothing was undone.'),
    ('discard', 'CREATE VIEW planted_view AS SELECT id FROM get_messages_for_user()',
        E'2BP01 something of the host depends on skill_messages\nview '
        'skill_messages_test.planted_view depends on function public.get_messages_for_user(text,'
        'integer,timestamp with time zone,text)\nDrop it first. Nothing was undone.')
) AS cases (messages, change, expected);

SELECT * FROM finish();
ROLLBACK;
