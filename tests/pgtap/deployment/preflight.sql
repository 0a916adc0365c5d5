-- What preflight() finds wrong: every finding to the letter, for it says what to do. What it says
-- in notices and warnings cannot be heard here.

BEGIN;
\ir ../include/fixture.psql
\ir ../include/after.psql
SELECT plan(59);

SET LOCAL client_min_messages = error;

CREATE FUNCTION found(change text, actor text DEFAULT 'superuser') RETURNS text
LANGUAGE sql
AS $$
    SELECT regexp_replace(said, E'^55000 this database is not fit for skill_messages\n(.*)\n'
        'Do as the detail says and try again. Nothing was done.$', '\1')
    FROM after(change, 'SELECT skill_messages_private.preflight()', actor) AS said
$$;

-- Who may create in public.
SELECT is(found(change), expected, change)
FROM (VALUES
    ('SELECT', 'nothing'),
    ('GRANT CREATE ON SCHEMA public TO skill_messages_test_nobody', 'nothing'),
    ('GRANT CREATE ON SCHEMA public TO PUBLIC',
        'PUBLIC may create objects in the schema public. REVOKE CREATE ON SCHEMA public FROM '
        'PUBLIC'),
    ('GRANT CREATE ON SCHEMA public TO skill_messages_test_app',
        'skill_messages_test_app acts as skill_messages_app and may create objects in the schema '
        'public. REVOKE CREATE ON SCHEMA public FROM skill_messages_test_app, or from the role '
        'that gives it this privilege'),
    ('GRANT CREATE ON SCHEMA public TO skill_messages_test_both, skill_messages_test_retention',
        E'skill_messages_test_both acts as skill_messages_app, skill_messages_service and may '
        'create objects in the schema public. REVOKE CREATE ON SCHEMA public FROM '
        'skill_messages_test_both, or from the role that gives it this privilege\n'
        'skill_messages_test_retention acts as skill_messages_retention and may create objects in '
        'the schema public. REVOKE CREATE ON SCHEMA public FROM skill_messages_test_retention, or '
        'from the role that gives it this privilege'),
    -- It has to become the other role first.
    ('ALTER ROLE skill_messages_test_app NOINHERIT;
        GRANT CREATE ON SCHEMA public TO skill_messages_test_nobody;
        GRANT skill_messages_test_nobody TO skill_messages_test_app',
        'skill_messages_test_app acts as skill_messages_app and may create objects in the schema '
        'public. REVOKE CREATE ON SCHEMA public FROM skill_messages_test_app, or from the role '
        'that gives it this privilege'),
    ('GRANT CREATE ON SCHEMA public TO skill_messages_test_app;
        ALTER ROLE skill_messages_test_app SUPERUSER', 'nothing')
) AS changes (change, expected);

SELECT is(found(format('GRANT %I TO skill_messages_test_app', role)), 'nothing',
    'a member of the owner is trusted')
FROM actor WHERE name = 'owner';

SELECT is(found(change), expected, change)
FROM (VALUES
    ('CREATE FUNCTION public.get_message_stats(text) RETURNS text LANGUAGE sql RETURN $1',
        'The schema public has another function public.get_message_stats(text). Drop or rename '
        'it: an overload can be called instead of the package''s'),
    ('CREATE FUNCTION public.skill_messages_version(text) RETURNS text LANGUAGE sql RETURN $1;
        CREATE FUNCTION public.export_user_messages() RETURNS text LANGUAGE sql RETURN 1::text',
        E'The schema public has another function public.export_user_messages(). Drop or rename '
        'it: an overload can be called instead of the package''s\n'
        'The schema public has another function public.skill_messages_version(text). Drop or '
        'rename it: an overload can be called instead of the package''s'),
    ('CREATE FUNCTION public.skill_messages_other(text) RETURNS text LANGUAGE sql RETURN $1',
        'nothing'),
    ('CREATE FUNCTION get_message_stats(text) RETURNS text LANGUAGE sql RETURN $1', 'nothing')
) AS changes (change, expected);

-- What the roles are not.
SELECT is(
    found(change), format('The role %s may log in, has a special attribute, or is a member of '
        'another role. ALTER ROLE %1$s NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB '
        'NOREPLICATION, and REVOKE its memberships', role),
    change
)
FROM (VALUES
    ('skill_messages_app', 'ALTER ROLE %I LOGIN'),
    ('skill_messages_service', 'ALTER ROLE %I SUPERUSER'),
    ('skill_messages_retention', 'ALTER ROLE %I BYPASSRLS'),
    ('skill_messages_app', 'ALTER ROLE %I CREATEROLE'),
    ('skill_messages_service', 'ALTER ROLE %I CREATEDB'),
    ('skill_messages_retention', 'ALTER ROLE %I REPLICATION'),
    ('skill_messages_app', 'GRANT pg_monitor TO %I')
) AS roles (role, template)
CROSS JOIN LATERAL format(template, role) AS change;

-- The host's tables: others take the place of those that are there.
CREATE COLLATION loose FROM "C";
UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'loose';

SELECT is(
    found(format('ALTER TABLE public.%I RENAME TO was; ', tab) || change),
    expected, one_line(change)
)
FROM (VALUES
    ('users', 'CREATE TABLE public.users (id text, tenant_id text, PRIMARY KEY (id, tenant_id))',
        'nothing'),
    ('users', 'CREATE TABLE public.users (id text NOT NULL, tenant_id text NOT NULL)
        PARTITION BY HASH (id)', 'nothing'),
    ('users', 'CREATE TABLE public.users (id text, tenant_id text NOT NULL)',
        'public.users needs the column "id text NOT NULL".'),
    ('users', 'CREATE TABLE public.users (id varchar NOT NULL, tenant_id text NOT NULL)',
        'public.users needs the column "id text NOT NULL".'),
    ('users', 'CREATE TABLE public.users (id text NOT NULL, tenant_id text)',
        'public.users needs the column "tenant_id text NOT NULL".'),
    ('skills', 'CREATE TABLE public.skills (tenant_id text NOT NULL)',
        'public.skills needs the column "id text NOT NULL".'),
    ('skills', 'CREATE TABLE public.skills (id text NOT NULL, tenant_id integer NOT NULL)',
        'public.skills needs the column "tenant_id text NOT NULL".'),
    ('skills', 'CREATE VIEW public.skills AS SELECT text ''a'' AS id, text ''b'' AS tenant_id',
        E'public.skills needs the column "id text NOT NULL".\n'
        'public.skills needs the column "tenant_id text NOT NULL".'),
    ('users', 'CREATE VIEW public.users AS SELECT text ''a'' AS id, text ''b'' AS tenant_id;
        UPDATE pg_attribute SET attnotnull = true WHERE attrelid = ''public.users''::regclass',
        E'public.users needs the column "id text NOT NULL".\n'
        'public.users needs the column "tenant_id text NOT NULL".'),
    ('tenants', 'CREATE TABLE public.tenants (id text PRIMARY KEY)', 'nothing'),
    ('tenants', 'CREATE TABLE public.tenants (id text NOT NULL UNIQUE)',
        'public.tenants needs the column "id text" as its primary key.'),
    ('tenants', 'CREATE TABLE public.tenants (id text, name text, PRIMARY KEY (id, name))',
        'public.tenants needs the column "id text" as its primary key.'),
    ('tenants', 'CREATE TABLE public.tenants (id text NOT NULL, name text PRIMARY KEY)',
        'public.tenants needs the column "id text" as its primary key.'),
    ('tenants', 'CREATE TABLE public.tenants (id integer PRIMARY KEY)',
        'public.tenants needs the column "id text" as its primary key.'),
    ('tenants', 'CREATE UNLOGGED TABLE public.tenants (id text PRIMARY KEY)',
        'public.tenants is unlogged. ALTER TABLE public.tenants SET LOGGED'),
    ('users', 'CREATE UNLOGGED TABLE public.users (id text NOT NULL, tenant_id text NOT NULL)',
        'public.users is unlogged. ALTER TABLE public.users SET LOGGED'),
    ('skills', 'CREATE UNLOGGED TABLE public.skills (id text NOT NULL, tenant_id text NOT NULL)',
        'public.skills is unlogged. ALTER TABLE public.skills SET LOGGED'),
    ('users', 'CREATE TABLE public.users (id text COLLATE loose NOT NULL,
        tenant_id text NOT NULL, name text COLLATE loose)',
        'public.users.id has the collation skill_messages_test.loose, for which different texts '
        'are equal. ALTER TABLE public.users ALTER id TYPE text COLLATE "default"'),
    ('skills', 'CREATE TABLE public.skills (id text NOT NULL,
        tenant_id text COLLATE loose NOT NULL)',
        'public.skills.tenant_id has the collation skill_messages_test.loose, for which different '
        'texts are equal. ALTER TABLE public.skills ALTER tenant_id TYPE text COLLATE "default"'),
    ('tenants', 'CREATE TABLE public.tenants (id text COLLATE loose PRIMARY KEY)',
        'public.tenants.id has the collation skill_messages_test.loose, for which different '
        'texts are equal. ALTER TABLE public.tenants ALTER id TYPE text COLLATE "default"')
) AS hosts (tab, change, expected);

SELECT is(
    found(format('ALTER TABLE public.%I RENAME TO was; CREATE %s', tab, other)),
    CASE WHEN matters THEN format('skill_messages_test.%s is in another schema, and public has no '
        '%1$s. To have one made in public as well: ALTER DATABASE %I SET '
        'skill_messages.make_host_tables = ''on''', tab, current_database()) ELSE 'nothing' END,
    format('%s elsewhere: %s', tab, other)
)
FROM (VALUES ('tenants'), ('skills')) AS tabs (tab)
CROSS JOIN LATERAL (VALUES
    (format('TABLE %I (id text)', tab), true),
    (format('VIEW %I AS SELECT 1 AS a', tab), true),
    (format('SEQUENCE %I', tab), false),
    (format('TEMP TABLE %I (id text)', tab), false),
    (format('TABLE %I (id text); SET LOCAL skill_messages.make_host_tables = ''on''', tab), false)
) AS others (other, matters);

-- As before the deployment: what stands in the place of our table, and what a role lacks that is
-- nobody.
CREATE TABLE before AS SELECT 'COMMENT ON TABLE public.skill_messages IS ''Other.''; ' || $$
    GRANT USAGE ON SCHEMA skill_messages_private TO skill_messages_test_nobody;
    GRANT EXECUTE ON FUNCTION skill_messages_private.preflight(),
        skill_messages_private.operations(), skill_messages_private.has_host_key(regclass)
        TO skill_messages_test_nobody;
    SET LOCAL skill_messages.converting = 'on';
    GRANT REFERENCES ON tenants, users, skills TO skill_messages_test_nobody;
    GRANT CREATE ON SCHEMA public TO skill_messages_test_nobody; $$ AS change;
INSERT INTO actor VALUES ('deployer to be', 'skill_messages_test_nobody');

SELECT is(found(before.change || other.change, 'deployer to be'), expected, other.change)
FROM before
CROSS JOIN (VALUES
    ('', 'nothing'),
    ('SET LOCAL skill_messages.converting = ''''', 'public.skill_messages exists already, and not '
        'of this package''s making. If it was written by hand after the same design, '
        'sql/convert.sql converts it in place. Otherwise rename it'),
    ('CREATE TABLE refers (a text, b text, CONSTRAINT refers_fkey FOREIGN KEY (a, b) REFERENCES '
        'skill_messages (id, tenant_id))', 'skill_messages_test.refers.refers_fkey refers to '
        'public.skill_messages (id), which will be unique within a tenant only. Drop it, or let it '
        'refer to (id, tenant_id)'),
    ('CREATE TABLE users (id text); CREATE TABLE skills (id text)', 'nothing'),
    ('REVOKE CREATE ON SCHEMA public FROM skill_messages_test_nobody',
        'skill_messages_test_nobody may not create objects in the schema public. '
        'GRANT CREATE ON SCHEMA public TO skill_messages_test_nobody'),
    ('REVOKE REFERENCES ON tenants, skills FROM skill_messages_test_nobody',
        E'skill_messages_test_nobody may not make foreign keys to public.skills. '
        'GRANT REFERENCES ON public.skills TO skill_messages_test_nobody\n'
        'skill_messages_test_nobody may not make foreign keys to public.tenants. '
        'GRANT REFERENCES ON public.tenants TO skill_messages_test_nobody'),
    ('ALTER TABLE users RENAME TO was; CREATE TABLE public.users (id text NOT NULL, tenant_id text '
        'NOT NULL); GRANT REFERENCES ON users TO skill_messages_test_nobody',
        'public.users needs a unique index, and skill_messages_test_nobody does not own it. As '
        'its owner: CREATE UNIQUE INDEX CONCURRENTLY ON public.users (tenant_id, id)'),
    ('ALTER TABLE skills RENAME TO was; CREATE TABLE public.skills (id text NOT NULL, tenant_id '
        'text NOT NULL); ALTER TABLE public.skills OWNER TO skill_messages_test_nobody',
        'nothing'),
    ('ALTER ROLE skill_messages_app RENAME TO was_app; '
        'ALTER ROLE skill_messages_retention RENAME TO was_retention',
        'skill_messages_test_nobody may not create roles. Grant it CREATEROLE, or have an '
        'administrator create the NOLOGIN roles skill_messages_app, skill_messages_retention'),
    ('ALTER ROLE skill_messages_app RENAME TO was_app; '
        'ALTER ROLE skill_messages_test_nobody CREATEROLE', 'nothing')
) AS other (change, expected);

SELECT * FROM finish();
ROLLBACK;
