-- The rules that everything in both schemas keeps, now and later: each is a query of the catalogue
-- for what breaks it, so that an object added without care fails here though nobody wrote a test
-- for it. The second half adds such objects and proves that each rule finds its offender.

BEGIN;
\ir ../include/fixture.psql
\ir ../include/strangers.psql
SELECT plan(137);

-- The careless objects below are made in public, the package's place.
SET LOCAL search_path = public, skill_messages_test, :"pgtap";

-- What is in skill_messages_private has its schema in its name.
CREATE TEMP VIEW place AS
SELECT oid, nspname::text AS name, nspowner, nspacl
FROM pg_namespace
WHERE nspname IN ('public', 'skill_messages_private');

CREATE TEMP VIEW relation AS
SELECT oid, oid::regclass::text AS name, relnamespace, relkind, relpersistence, relrowsecurity,
    relforcerowsecurity, reloptions, relowner, relacl
FROM package_relation
WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S');

CREATE TEMP VIEW relation_table AS
SELECT * FROM relation WHERE relkind IN ('r', 'p', 'f');

-- Those whose rows belong to a tenant, by the column that says to which.
CREATE TEMP VIEW tenant_table AS
SELECT t.*, a.attname, a.attnum
FROM relation_table AS t
JOIN pg_attribute AS a ON a.attrelid = t.oid
    AND a.attname = CASE t.name WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END;

CREATE TEMP VIEW routine AS
SELECT oid, oid::regprocedure::text AS name, pronamespace, prolang, prokind, prosecdef,
    proleakproof, proconfig, prosrc, prosqlbody, prorettype, proretset, proargtypes, proowner,
    proacl
FROM package_function;

-- The expressions of a policy, and whether each admits rows of the current tenant only: it is the
-- tenant predicate, or that AND something.
CREATE TEMP VIEW policy AS
SELECT
    relation.name || '.' || p.policyname AS name, relation.name AS tablename, p.policyname::text,
    p.permissive, p.cmd, p.roles,
    e.expression ~ format('^%s$|^\(%1$s AND ', t.predicate) AS keeps_tenant
FROM pg_policies AS p
JOIN relation ON relation.oid = format('%I.%I', p.schemaname, p.tablename)::regclass
CROSS JOIN LATERAL (VALUES (p.qual), (p.with_check)) AS e (expression)
CROSS JOIN LATERAL (SELECT format(
    '\(%s = current_setting\(''app\.current_tenant_id''::text, true\)\)',
    CASE relation.name WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
)) AS t (predicate)
WHERE e.expression IS NOT NULL OR coalesce(p.qual, p.with_check) IS NULL;

-- Everybody who holds a privilege on something, but its owner. No ACL at all is the default one.
CREATE TEMP VIEW privilege AS
SELECT held.kind, held.name, acl.grantee, acl.privilege_type, acl.is_grantable
FROM (
    SELECT 'relation' AS kind, name, relowner AS owner,
        coalesce(relacl,
            acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl
    FROM relation
    UNION ALL
    SELECT 'relation', r.name || '.' || a.attname, r.relowner, a.attacl
    FROM relation AS r JOIN pg_attribute AS a ON a.attrelid = r.oid
    WHERE NOT a.attisdropped
    UNION ALL
    SELECT 'function', name, proowner, coalesce(proacl, acldefault('f', proowner)) FROM routine
    UNION ALL
    SELECT 'schema', name, nspowner, coalesce(nspacl, acldefault('n', nspowner))
    FROM place WHERE name <> 'public'
) AS held
CROSS JOIN LATERAL aclexplode(held.acl) AS acl
WHERE acl.grantee <> held.owner
    -- On tenants, users and skills a host may grant what it likes to others.
    AND (
        split_part(held.name, '.', 1) NOT IN ('tenants', 'users', 'skills')
        OR acl.grantee IN (
            SELECT oid FROM pg_roles
            WHERE rolname ~ '^skill_messages_(service|app|retention)$'
        )
    );

CREATE TEMP VIEW offender (rule, name) AS
SELECT 'a table enables row-level security', name FROM relation_table WHERE NOT relrowsecurity
UNION ALL
SELECT 'a table forces row-level security on its owner',
    name FROM relation_table WHERE NOT relforcerowsecurity
UNION ALL
SELECT 'a table has the outer wall: tenant_isolation, restrictive, for all commands and everybody',
    t.name
FROM relation_table AS t
WHERE 2 <> (
    SELECT count(*) FROM policy AS p
    WHERE p.tablename = t.name AND p.policyname = 'tenant_isolation'
        AND p.permissive = 'RESTRICTIVE' AND p.cmd = 'ALL' AND p.roles = '{public}'
        AND p.keeps_tenant
)
UNION ALL
SELECT 'a permissive policy has the tenant predicate', name
FROM policy WHERE permissive = 'PERMISSIVE' AND keeps_tenant IS NOT true
UNION ALL
SELECT 'a permissive policy is for the three roles only', name
FROM policy
WHERE permissive = 'PERMISSIVE'
    AND NOT roles <@ '{skill_messages_app,skill_messages_service,skill_messages_retention}'
UNION ALL
SELECT 'a table is logged', name FROM relation_table WHERE relpersistence <> 'p'
UNION ALL
-- Whoever has no tenant in the context has ''.
SELECT 'the tenant of a row is never null or the empty string', t.name
FROM tenant_table AS t
WHERE NOT (SELECT attnotnull FROM pg_attribute WHERE attrelid = t.oid AND attname = t.attname)
    OR NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = t.oid AND convalidated
            AND pg_get_constraintdef(oid) = format('CHECK ((%I <> ''''::text))', t.attname)
    )
UNION ALL
-- Or an upsert of one tenant would meet rows of another, and its ids be free to none but the first.
SELECT 'a unique key carries the tenant', i.indexrelid::regclass::text
FROM pg_index AS i
JOIN tenant_table AS t ON t.oid = i.indrelid
WHERE i.indisunique AND t.attnum <> ALL ((i.indkey::int2[])[0:i.indnkeyatts - 1])
UNION ALL
SELECT 'a foreign key carries the tenant', c.conname::text
FROM pg_constraint AS c
JOIN relation_table AS t ON t.oid = c.conrelid
JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attname = 'tenant_id'
WHERE c.contype = 'f' AND a.attnum <> ALL (c.conkey)
UNION ALL
SELECT 'a view is subject to the policies of whoever looks', name
FROM relation
WHERE relkind = 'm' OR (
    relkind = 'v'
    AND NOT coalesce(reloptions && '{security_invoker=true,security_invoker=on}', false)
)
UNION ALL
SELECT 'a function runs as its caller: no SECURITY DEFINER', name FROM routine WHERE prosecdef
UNION ALL
SELECT 'a function is in PL/pgSQL, or in SQL with its names resolved', routine.name
FROM routine JOIN pg_language AS l ON l.oid = prolang
WHERE l.lanname <> 'plpgsql' AND prosqlbody IS NULL
UNION ALL
-- The planner would call it before the policies, on rows of all tenants.
SELECT 'a function is not LEAKPROOF', name FROM routine WHERE proleakproof
UNION ALL
SELECT 'one owner owns everything', name
FROM (
    SELECT name, relowner FROM relation
    UNION ALL
    SELECT name, proowner FROM routine
    UNION ALL
    SELECT name, nspowner FROM place WHERE name <> 'public'
) AS owned (name, owner)
WHERE owner <> (SELECT relowner FROM relation WHERE name = 'skill_messages')
UNION ALL
SELECT 'public holds operations only: what a trigger calls is private', name
FROM routine WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype
UNION ALL
-- The owner switches notifications.
SELECT 'public holds operations only: one of the three roles calls each', name
FROM routine
WHERE pronamespace = 'public'::regnamespace
    AND name <> 'switch_skill_message_notifications(boolean)'
    AND NOT EXISTS (
        SELECT FROM privilege AS p
        WHERE p.kind = 'function' AND p.name = routine.name
            AND p.grantee::regrole::text IN (
                'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
            )
    )
UNION ALL
SELECT 'a function has its name for itself: no overloads', min(name)
FROM routine GROUP BY split_part(name, '(', 1) HAVING count(*) > 1
UNION ALL
SELECT 'a function has a fixed search_path that nobody can write to', name
FROM routine
WHERE prokind <> 'p' AND prosqlbody IS NULL
    AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
UNION ALL
-- PostgreSQL lets no procedure with a SET clause commit. SET LOCAL ends with each COMMIT.
SELECT 'a procedure sets that search_path first of all, and again after each COMMIT', name
FROM routine
WHERE prokind = 'p'
AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
AND (
    prosrc !~ '\mBEGIN\s+SET LOCAL search_path = pg_catalog, pg_temp;'
    OR prosrc ~* '\m(COMMIT|ROLLBACK)\s*;(?!\s+SET LOCAL search_path = pg_catalog, pg_temp;)'
)
UNION ALL
SELECT 'a function neither takes nor returns a row type of a table', r.name
FROM routine AS r
JOIN pg_type AS t ON t.oid = r.prorettype OR t.oid = ANY (r.proargtypes::oid[])
LEFT JOIN pg_type AS element ON element.oid = t.typelem
WHERE 'c' IN (t.typtype, element.typtype)
UNION ALL
SELECT 'no function can be executed by PUBLIC',
    name FROM privilege WHERE kind = 'function' AND grantee = 0
UNION ALL
SELECT 'no table or column can be touched by PUBLIC',
    name FROM privilege WHERE kind = 'relation' AND grantee = 0
UNION ALL
SELECT 'no schema of ours is open to PUBLIC', name
FROM privilege WHERE kind = 'schema' AND grantee = 0
UNION ALL
SELECT 'nobody may create anything in a schema of ours', name
FROM privilege WHERE kind = 'schema' AND privilege_type <> 'USAGE'
UNION ALL
SELECT 'none but the three roles has a privilege; pg_monitor has the totals and the version', name
FROM privilege
WHERE grantee <> 0
    AND grantee::regrole::text NOT IN (
        'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
    )
    AND (name, grantee::regrole::text) NOT IN (
        ('skill_message_totals', 'pg_monitor'), ('skill_messages_version()', 'pg_monitor')
    )
UNION ALL
SELECT 'no privilege can be passed on', name FROM privilege WHERE is_grantable
UNION ALL
SELECT 'nobody may truncate a table, create triggers on it or refer to it', name
FROM privilege
WHERE kind = 'relation' AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
UNION ALL
SELECT 'a table or view has a comment', name
FROM relation WHERE obj_description(oid, 'pg_class') IS NULL
UNION ALL
SELECT 'a column has a comment', r.name || '.' || a.attname
FROM relation AS r
JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE col_description(r.oid, a.attnum) IS NULL
UNION ALL
SELECT 'a schema of ours has a comment', name
FROM place WHERE name <> 'public' AND obj_description(oid, 'pg_namespace') IS NULL
UNION ALL
SELECT 'a policy has a comment', r.name || '.' || p.polname
FROM relation AS r
JOIN pg_policy AS p ON p.polrelid = r.oid
WHERE obj_description(p.oid, 'pg_policy') IS NULL
UNION ALL
SELECT 'a function or procedure has a comment', name
FROM routine WHERE obj_description(oid, 'pg_proc') IS NULL;

CREATE TEMP TABLE rule (number int GENERATED ALWAYS AS IDENTITY, rule text, example text);

-- The example is an object below that breaks the rule.
INSERT INTO rule (rule, example)
VALUES
    ('a table enables row-level security', 'careless'),
    ('a table forces row-level security on its owner', 'careless'),
    ('a table forces row-level security on its owner', 'unforced'),
    ('a table has the outer wall: tenant_isolation, restrictive, for all commands and everybody',
        'careless'),
    ('a table has the outer wall: tenant_isolation, restrictive, for all commands and everybody',
        'unforced'),
    ('a table has the outer wall: tenant_isolation, restrictive, for all commands and everybody',
        'half_walled'),
    ('a permissive policy has the tenant predicate', 'half_walled.all_true'),
    ('a permissive policy has the tenant predicate', 'half_walled.or_true'),
    ('a permissive policy has the tenant predicate', 'half_walled.and_or_true'),
    ('a permissive policy has the tenant predicate', 'half_walled.check_true'),
    ('a permissive policy has the tenant predicate', 'half_walled.insert_true'),
    ('a permissive policy has the tenant predicate', 'half_walled.nothing'),
    ('a permissive policy has the tenant predicate', 'half_walled.another_column'),
    ('a permissive policy has the tenant predicate', 'half_walled.nullif'),
    ('a permissive policy has the tenant predicate', 'skill_messages_private.store.all_true'),
    ('a permissive policy is for the three roles only', 'half_walled.for_everybody'),
    ('a permissive policy is for the three roles only', 'half_walled.for_monitor'),
    ('a permissive policy is for the three roles only', 'skill_messages_private.store.all_true'),
    ('a table is logged', 'unforced'),
    ('the tenant of a row is never null or the empty string', 'careless'),
    ('the tenant of a row is never null or the empty string', 'unforced'),
    ('the tenant of a row is never null or the empty string', 'half_walled'),
    ('the tenant of a row is never null or the empty string', 'skill_messages_private.store'),
    ('a unique key carries the tenant', 'careless_pkey'),
    ('a unique key carries the tenant', 'half_walled_lower_idx'),
    ('a unique key carries the tenant', 'half_walled_included'),
    ('a unique key carries the tenant', 'skill_messages_private.store_pkey'),
    ('a foreign key carries the tenant', 'careless_skill_id_fkey'),
    ('a foreign key carries the tenant', 'store_id_fkey'),
    ('a view is subject to the policies of whoever looks', 'peephole'),
    ('a view is subject to the policies of whoever looks', 'peephole_copy'),
    ('a view is subject to the policies of whoever looks', 'peephole_barrier'),
    ('a view is subject to the policies of whoever looks', 'skill_messages_private.peephole'),
    ('a view is subject to the policies of whoever looks', 'skill_messages_private.tenant_names'),
    ('a view is subject to the policies of whoever looks', 'skill_messages_private.user_names'),
    ('a view is subject to the policies of whoever looks', 'skill_messages_private.skill_names'),
    ('a function runs as its caller: no SECURITY DEFINER', 'careless_function()'),
    ('a function runs as its caller: no SECURITY DEFINER',
        'skill_messages_private.careless_helper()'),
    ('a function is in PL/pgSQL, or in SQL with its names resolved', 'careless_function()'),
    ('a function is in PL/pgSQL, or in SQL with its names resolved',
        'skill_messages_private.careless_helper()'),
    ('a function is not LEAKPROOF', 'writable_path()'),
    ('a function is not LEAKPROOF', 'skill_messages_private.careless_helper()'),
    ('one owner owns everything', 'careless'),
    ('one owner owns everything', 'careless_function()'),
    ('one owner owns everything', 'skill_messages_private.careless_helper()'),
    ('one owner owns everything', 'skill_messages_private'),
    ('public holds operations only: what a trigger calls is private', 'careless_trigger()'),
    ('public holds operations only: one of the three roles calls each', 'careless_trigger()'),
    ('public holds operations only: one of the three roles calls each', 'careless_function()'),
    ('public holds operations only: one of the three roles calls each', 'rows_of()'),
    ('a function has its name for itself: no overloads', 'mark_message_read(character varying)'),
    ('a function has its name for itself: no overloads',
        'skill_messages_private.careless_helper()'),
    ('a function has a fixed search_path that nobody can write to', 'careless_function()'),
    ('a function has a fixed search_path that nobody can write to', 'writable_path()'),
    ('a function has a fixed search_path that nobody can write to', 'rows_of()'),
    ('a function has a fixed search_path that nobody can write to',
        'skill_messages_private.careless_helper()'),
    ('a procedure sets that search_path first of all, and again after each COMMIT',
        'sets_late()'),
    ('a procedure sets that search_path first of all, and again after each COMMIT',
        'sets_once()'),
    ('a procedure sets that search_path first of all, and again after each COMMIT',
        'sets_another()'),
    ('a procedure sets that search_path first of all, and again after each COMMIT',
        'skill_messages_private.sets_nothing()'),
    ('a function neither takes nor returns a row type of a table', 'rows_of()'),
    ('a function neither takes nor returns a row type of a table', 'takes_row(skill_messages)'),
    ('a function neither takes nor returns a row type of a table',
        'skill_messages_private.careless_helper(skill_messages[])'),
    ('no function can be executed by PUBLIC', 'careless_function()'),
    ('no function can be executed by PUBLIC', 'writable_path()'),
    ('no function can be executed by PUBLIC', 'skill_messages_private.careless_helper()'),
    ('no table or column can be touched by PUBLIC', 'careless'),
    ('no table or column can be touched by PUBLIC', 'unforced.id'),
    ('no table or column can be touched by PUBLIC', 'skill_messages_private.user_names'),
    ('no schema of ours is open to PUBLIC', 'skill_messages_private'),
    ('nobody may create anything in a schema of ours', 'skill_messages_private'),
    ('none but the three roles has a privilege; pg_monitor has the totals and the version',
        'unforced'),
    ('none but the three roles has a privilege; pg_monitor has the totals and the version',
        'rows_of()'),
    ('none but the three roles has a privilege; pg_monitor has the totals and the version',
        'peephole'),
    ('none but the three roles has a privilege; pg_monitor has the totals and the version',
        'skill_messages_private'),
    ('none but the three roles has a privilege; pg_monitor has the totals and the version',
        'skill_messages_private.careless_helper()'),
    ('none but the three roles has a privilege; pg_monitor has the totals and the version',
        'skill_messages_private.skill_names.name'),
    ('no privilege can be passed on', 'half_walled'),
    ('no privilege can be passed on', 'skill_messages_private'),
    ('no privilege can be passed on', 'skill_messages_private.tenant_names'),
    ('nobody may truncate a table, create triggers on it or refer to it', 'half_walled'),
    ('nobody may truncate a table, create triggers on it or refer to it',
        'skill_messages_private.store'),
    ('a schema of ours has a comment', 'skill_messages_private'),
    ('a table or view has a comment', 'careless'),
    ('a table or view has a comment', 'peephole'),
    ('a table or view has a comment', 'peephole_copy'),
    ('a table or view has a comment', 'skill_messages_private.store'),
    ('a column has a comment', 'careless.skill_id'),
    ('a column has a comment', 'peephole.message'),
    ('a column has a comment', 'skill_messages_private.peephole.id'),
    ('a policy has a comment', 'half_walled.tenant_isolation'),
    ('a policy has a comment', 'half_walled.all_true'),
    ('a function or procedure has a comment', 'careless_function()'),
    ('a function or procedure has a comment', 'sets_late()'),
    ('a function or procedure has a comment', 'skill_messages_private.careless_helper()');

CREATE TEMP TABLE deployed_offender AS SELECT * FROM offender;

-- A rule that is misspelt here would never find anything.
SELECT is(
    coalesce(
        (
            SELECT string_agg(DISTINCT o.name, ', ')
            FROM deployed_offender AS o
            WHERE o.rule = r.rule
        ),
        'nothing breaks it'),
    'nothing breaks it', r.rule
)
FROM (SELECT rule, min(number) AS number FROM rule GROUP BY rule) AS r
ORDER BY r.number;

SELECT is(
    (SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM relation_table),
    (SELECT string_agg(name, ' ' ORDER BY name COLLATE "C")
    FROM (VALUES ('skill_messages'), ('skills'), ('tenants'), ('users')) AS t (name)
    WHERE host_owns(name) IS NULL),
    'the rules look at the tables, less those that are the host''s'
);
SELECT is((SELECT count(*) FROM tenant_table), (SELECT count(*) FROM relation_table),
    'the rules look at their tenants');
SELECT is(
    (SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM relation WHERE relkind = 'v'),
    'skill_message_totals skill_messages_private.skill_names skill_messages_private.tenant_names '
    'skill_messages_private.user_names',
    'the rules look at the views'
);
SELECT cmp_ok(
    (SELECT count(*) FROM routine WHERE pronamespace = 'public'::regnamespace), '>=', 15::bigint,
    'the rules look at the functions');
SELECT cmp_ok(
    (SELECT count(*) FROM routine WHERE pronamespace = 'skill_messages_private'::regnamespace),
    '>=', 20::bigint, 'the rules look at the private functions');
SELECT cmp_ok(
    (SELECT count(*) FROM policy WHERE tablename = 'skill_messages'), '>=', 10::bigint,
    'the rules look at the policies');
SELECT cmp_ok((SELECT count(*) FROM privilege WHERE kind = 'schema'), '>=', 3::bigint,
    'the rules look at the schema');

-- Carelessness of every kind.
CREATE TABLE careless (id text CONSTRAINT careless_pkey PRIMARY KEY, tenant_id text,
    skill_id text CONSTRAINT careless_skill_id_fkey REFERENCES careless (id));
GRANT SELECT ON careless TO PUBLIC;

CREATE UNLOGGED TABLE unforced (id text, tenant_id text NOT NULL);
ALTER TABLE unforced ENABLE ROW LEVEL SECURITY;
GRANT SELECT (id) ON unforced TO PUBLIC;
GRANT SELECT ON unforced TO skill_messages_test_nobody;

CREATE TABLE half_walled (id text, tenant_id text CHECK (tenant_id <> ''));
CREATE UNIQUE INDEX half_walled_lower_idx ON half_walled (lower(id), lower(tenant_id));
CREATE UNIQUE INDEX half_walled_included ON half_walled (id) INCLUDE (tenant_id);
ALTER TABLE half_walled ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT ON half_walled TO skill_messages_app WITH GRANT OPTION;
GRANT TRUNCATE ON half_walled TO skill_messages_service;
CREATE POLICY tenant_isolation ON half_walled AS RESTRICTIVE
USING (tenant_id = current_setting('app.current_tenant_id', true)) WITH CHECK (true);
CREATE POLICY all_true ON half_walled TO skill_messages_app USING (true);
CREATE POLICY or_true ON half_walled TO skill_messages_app
USING (tenant_id = current_setting('app.current_tenant_id', true) OR id = 'x');
CREATE POLICY and_or_true ON half_walled TO skill_messages_app
USING ((tenant_id = current_setting('app.current_tenant_id', true) AND id = 'x') OR id = 'y');
CREATE POLICY check_true ON half_walled FOR UPDATE TO skill_messages_app
USING (tenant_id = current_setting('app.current_tenant_id', true)) WITH CHECK (true);
CREATE POLICY insert_true ON half_walled FOR INSERT TO skill_messages_app WITH CHECK (true);
CREATE POLICY nothing ON half_walled FOR SELECT TO skill_messages_app;
CREATE POLICY another_column ON half_walled FOR SELECT TO skill_messages_app
USING (id || tenant_id = current_setting('app.current_tenant_id', true));
CREATE POLICY nullif ON half_walled TO skill_messages_app
USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), ''));
CREATE POLICY for_everybody ON half_walled
USING (tenant_id = current_setting('app.current_tenant_id', true));
CREATE POLICY for_monitor ON half_walled TO skill_messages_app, pg_monitor
USING (tenant_id = current_setting('app.current_tenant_id', true));

CREATE VIEW peephole AS SELECT * FROM skill_messages;
GRANT SELECT ON peephole TO pg_monitor;
CREATE MATERIALIZED VIEW peephole_copy AS SELECT * FROM skill_messages WITH NO DATA;
CREATE VIEW peephole_barrier WITH (security_barrier = true) AS SELECT * FROM skill_messages;

CREATE FUNCTION careless_function() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE FUNCTION careless_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION mark_message_read(varchar) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION writable_path() RETURNS int LANGUAGE sql LEAKPROOF SET search_path = public
AS 'SELECT 1';
CREATE FUNCTION rows_of() RETURNS SETOF skill_messages
LANGUAGE sql AS 'SELECT * FROM public.skill_messages';
GRANT EXECUTE ON FUNCTION rows_of() TO skill_messages_test_nobody;
CREATE FUNCTION takes_row(skill_messages) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE sets_late() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1;
    SET LOCAL search_path = pg_catalog, pg_temp;
END;
$$;
CREATE PROCEDURE sets_once() LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp;
    COMMIT;
    PERFORM 1;
END;
$$;

CREATE PROCEDURE sets_another() LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    PERFORM 1;
END;
$$;

-- And where nobody looks.
CREATE TABLE skill_messages_private.store (id text PRIMARY KEY, tenant_id text,
    CONSTRAINT store_id_fkey FOREIGN KEY (id) REFERENCES tenants (id));
GRANT TRIGGER ON skill_messages_private.store TO skill_messages_app;
CREATE POLICY all_true ON skill_messages_private.store USING (true);
CREATE VIEW skill_messages_private.peephole AS SELECT id FROM users;
ALTER VIEW skill_messages_private.tenant_names RESET (security_invoker);
ALTER VIEW skill_messages_private.user_names SET (security_invoker = false);
CREATE OR REPLACE VIEW skill_messages_private.skill_names AS
SELECT tenant_id, id, NULL::text AS name FROM skills;
GRANT SELECT ON skill_messages_private.user_names TO PUBLIC;
GRANT SELECT ON skill_messages_private.tenant_names TO skill_messages_app WITH GRANT OPTION;
GRANT SELECT (name) ON skill_messages_private.skill_names TO pg_monitor;
CREATE FUNCTION skill_messages_private.careless_helper() RETURNS int
LANGUAGE sql SECURITY DEFINER LEAKPROOF AS 'SELECT 1';
CREATE FUNCTION skill_messages_private.careless_helper(skill_messages[]) RETURNS int
LANGUAGE sql AS 'SELECT 1';
GRANT EXECUTE ON FUNCTION skill_messages_private.careless_helper() TO pg_monitor;
CREATE PROCEDURE skill_messages_private.sets_nothing() LANGUAGE plpgsql AS 'BEGIN NULL; END';
GRANT USAGE ON SCHEMA skill_messages_private TO PUBLIC;
GRANT CREATE ON SCHEMA skill_messages_private TO skill_messages_service WITH GRANT OPTION;
GRANT USAGE ON SCHEMA skill_messages_private TO pg_monitor;
COMMENT ON SCHEMA skill_messages_private IS NULL;
ALTER SCHEMA skill_messages_private OWNER TO skill_messages_test_nobody;
ALTER TABLE careless OWNER TO skill_messages_test_nobody;
ALTER FUNCTION careless_function() OWNER TO skill_messages_test_nobody;
ALTER FUNCTION skill_messages_private.careless_helper() OWNER TO skill_messages_test_nobody;

CREATE TEMP TABLE added_offender AS SELECT * FROM offender;

SELECT ok(
    EXISTS (SELECT FROM added_offender AS o WHERE o.rule = r.rule AND o.name = r.example),
    format('the rule "%s" finds %s', r.rule, r.example)
)
FROM rule AS r
ORDER BY r.number;

SELECT is_empty(
    'SELECT rule FROM added_offender EXCEPT SELECT rule FROM rule',
    'each rule is tested above'
);

-- And care is not taken for carelessness, whatever the host's default privileges open.
SELECT relowner::regrole AS owner FROM pg_class WHERE oid = 'skill_messages'::regclass \gset

CREATE TABLE careful (id text, tenant_id text NOT NULL CHECK (tenant_id <> ''), skill_id text,
    PRIMARY KEY (id, tenant_id),
    FOREIGN KEY (tenant_id, skill_id) REFERENCES skills (tenant_id, id));
CREATE UNIQUE INDEX careful_lower_idx ON careful (tenant_id, lower(id));
COMMENT ON TABLE careful IS 'As it should be.';
COMMENT ON COLUMN careful.id IS 'As it should be.';
COMMENT ON COLUMN careful.tenant_id IS 'As it should be.';
COMMENT ON COLUMN careful.skill_id IS 'As it should be.';
ALTER TABLE careful ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON careful AS RESTRICTIVE
USING (tenant_id = current_setting('app.current_tenant_id', true))
WITH CHECK (tenant_id = current_setting('app.current_tenant_id', true));
CREATE POLICY tenant_access ON careful TO skill_messages_service
USING (tenant_id = current_setting('app.current_tenant_id', true) AND (id = 'x' OR skill_id = 'y'));
COMMENT ON POLICY tenant_isolation ON careful IS 'As it should be.';
COMMENT ON POLICY tenant_access ON careful IS 'As it should be.';
CALL skill_messages_private.revoke_from_all('public.careful');
GRANT SELECT ON careful TO skill_messages_service;
ALTER TABLE careful OWNER TO :"owner";
CREATE VIEW careful_view WITH (security_invoker = true) AS SELECT id FROM careful;
CALL skill_messages_private.revoke_from_all('public.careful_view');
COMMENT ON VIEW careful_view IS 'As it should be.';
COMMENT ON COLUMN careful_view.id IS 'As it should be.';
ALTER VIEW careful_view OWNER TO :"owner";
CREATE VIEW skill_messages_private.careful_view WITH (security_invoker = on) AS
SELECT id FROM careful;
CALL skill_messages_private.revoke_from_all('skill_messages_private.careful_view');
COMMENT ON VIEW skill_messages_private.careful_view IS 'As it should be.';
COMMENT ON COLUMN skill_messages_private.careful_view.id IS 'As it should be.';
ALTER VIEW skill_messages_private.careful_view OWNER TO :"owner";
CREATE FUNCTION careful_function(id text) RETURNS TABLE (skill_id text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN; END';
CALL skill_messages_private.revoke_from_all('public.careful_function(text)');
GRANT EXECUTE ON FUNCTION careful_function(text) TO skill_messages_app;
COMMENT ON FUNCTION careful_function(text) IS 'As it should be.';
ALTER FUNCTION careful_function(text) OWNER TO :"owner";
CREATE FUNCTION skill_messages_private.careful_trigger() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END';
CALL skill_messages_private.revoke_from_all('skill_messages_private.careful_trigger()');
COMMENT ON FUNCTION skill_messages_private.careful_trigger() IS 'As it should be.';
ALTER FUNCTION skill_messages_private.careful_trigger() OWNER TO :"owner";
CREATE FUNCTION skill_messages_private.careful_sql() RETURNS text
LANGUAGE sql RETURN upper('as it should be');
CALL skill_messages_private.revoke_from_all('skill_messages_private.careful_sql()');
COMMENT ON FUNCTION skill_messages_private.careful_sql() IS 'As it should be.';
ALTER FUNCTION skill_messages_private.careful_sql() OWNER TO :"owner";
CREATE PROCEDURE careful_procedure() LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp;
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
END;
$$;
CALL skill_messages_private.revoke_from_all('public.careful_procedure()');
GRANT EXECUTE ON PROCEDURE careful_procedure() TO skill_messages_retention;
COMMENT ON PROCEDURE careful_procedure() IS 'As it should be.';
ALTER PROCEDURE careful_procedure() OWNER TO :"owner";
CREATE PROCEDURE skill_messages_private.careful_procedure() LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS 'BEGIN PERFORM 1; END';
CALL skill_messages_private.revoke_from_all('skill_messages_private.careful_procedure()');
COMMENT ON PROCEDURE skill_messages_private.careful_procedure() IS 'As it should be.';
ALTER PROCEDURE skill_messages_private.careful_procedure() OWNER TO :"owner";

SELECT is_empty(
    $$SELECT * FROM offender WHERE name ~ '(^|\.)careful'$$,
    'a table, views, functions and procedures that keep the rules are not accused'
);

SELECT is(
    (
        SELECT count(*) FROM (
            SELECT name FROM relation UNION ALL SELECT name FROM routine
        ) AS object (name)
        WHERE name ~ '(^|\.)careful'
    ),
    8::bigint, 'though the rules look at all eight'
);

SELECT * FROM finish();
ROLLBACK;
