-- The rules that everything in the schema keeps, now and later: each is a query of the catalogue
-- for what breaks it, so that an object added without care fails here though nobody wrote a test
-- for it. The second half adds such objects and proves that each rule finds its offender.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(69);

-- What belongs to an extension is none of the package's.
CREATE TEMP VIEW relation AS
SELECT oid, relname::text AS name, relkind, relrowsecurity, relforcerowsecurity, reloptions,
    relowner, relacl
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
    );

CREATE TEMP VIEW relation_table AS
SELECT * FROM relation WHERE relkind IN ('r', 'p', 'f');

CREATE TEMP VIEW routine AS
SELECT oid, oid::regprocedure::text AS name, prokind, prosecdef, proconfig, prosrc, prorettype,
    proretset, proargtypes, proowner, proacl
FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
    );

-- The expressions of a policy, and whether each admits rows of the current tenant only: it is the
-- tenant predicate, or that AND something.
CREATE TEMP VIEW policy AS
SELECT
    p.tablename || '.' || p.policyname AS name, p.tablename::text, p.policyname::text, p.permissive,
        p.cmd, p.roles,
    e.expression ~ format('^%s$|^\(%1$s AND ', t.predicate) AS keeps_tenant
FROM pg_policies AS p
CROSS JOIN LATERAL (VALUES (p.qual), (p.with_check)) AS e (expression)
CROSS JOIN LATERAL (SELECT format(
    '\(%s = (NULLIF\()?current_setting\(''app\.current_tenant_id''::text, true\)'
    '(, ''''::text\))?\)',
    CASE p.tablename WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
)) AS t (predicate)
WHERE p.schemaname = 'public' AND (e.expression IS NOT NULL OR coalesce(p.qual,
    p.with_check) IS NULL);

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
    UNION ALL
    SELECT 'function', name, proowner, coalesce(proacl, acldefault('f', proowner)) FROM routine
) AS held
CROSS JOIN LATERAL aclexplode(held.acl) AS acl
WHERE acl.grantee <> held.owner;

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
SELECT 'a function has a fixed search_path that nobody can write to', name
FROM routine
WHERE prokind <> 'p' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
UNION ALL
-- PostgreSQL lets no procedure with a SET clause commit. SET LOCAL ends with each COMMIT.
SELECT 'a procedure sets that search_path first of all, and again after each COMMIT', name
FROM routine
WHERE prokind = 'p' AND (
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
SELECT 'no privilege for anybody else than the three roles, but the totals for pg_monitor', name
FROM privilege
WHERE grantee <> 0
    AND grantee::regrole::text NOT IN (
        'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
    )
    AND (name, grantee::regrole::text) <> ('skill_message_totals', 'pg_monitor')
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
    ('a permissive policy is for the three roles only', 'half_walled.for_everybody'),
    ('a permissive policy is for the three roles only', 'half_walled.for_monitor'),
    ('a foreign key carries the tenant', 'careless_skill_id_fkey'),
    ('a view is subject to the policies of whoever looks', 'peephole'),
    ('a view is subject to the policies of whoever looks', 'snapshot'),
    ('a function runs as its caller: no SECURITY DEFINER', 'careless_function()'),
    ('a function has a fixed search_path that nobody can write to', 'careless_function()'),
    ('a function has a fixed search_path that nobody can write to', 'writable_path()'),
    ('a function has a fixed search_path that nobody can write to', 'rows_of()'),
    ('a procedure sets that search_path first of all, and again after each COMMIT',
        'sets_late()'),
    ('a procedure sets that search_path first of all, and again after each COMMIT',
        'sets_once()'),
    ('a function neither takes nor returns a row type of a table', 'rows_of()'),
    ('a function neither takes nor returns a row type of a table', 'takes_row(skill_messages)'),
    ('no function can be executed by PUBLIC', 'careless_function()'),
    ('no function can be executed by PUBLIC', 'writable_path()'),
    ('no table or column can be touched by PUBLIC', 'careless'),
    ('no table or column can be touched by PUBLIC', 'unforced.id'),
    ('no privilege for anybody else than the three roles, but the totals for pg_monitor',
        'unforced'),
    ('no privilege for anybody else than the three roles, but the totals for pg_monitor',
        'rows_of()'),
    ('no privilege for anybody else than the three roles, but the totals for pg_monitor',
        'peephole'),
    ('no privilege can be passed on', 'half_walled'),
    ('nobody may truncate a table, create triggers on it or refer to it', 'half_walled'),
    ('a table or view has a comment', 'careless'),
    ('a table or view has a comment', 'peephole'),
    ('a table or view has a comment', 'snapshot'),
    ('a column has a comment', 'careless.skill_id'),
    ('a column has a comment', 'peephole.message'),
    ('a policy has a comment', 'half_walled.tenant_isolation'),
    ('a policy has a comment', 'half_walled.all_true'),
    ('a function or procedure has a comment', 'careless_function()'),
    ('a function or procedure has a comment', 'sets_late()');

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

SELECT cmp_ok((SELECT count(*) FROM relation_table), '>=', 4::bigint,
    'the rules look at the tables');
SELECT cmp_ok((SELECT count(*) FROM routine), '>=', 10::bigint, 'the rules look at the functions');
SELECT cmp_ok((SELECT count(*) FROM policy), '>=', 18::bigint, 'the rules look at the policies');

-- Carelessness of every kind.
CREATE TABLE careless (id text, tenant_id text,
    skill_id text CONSTRAINT careless_skill_id_fkey REFERENCES skills (id));
GRANT SELECT ON careless TO PUBLIC;

CREATE TABLE unforced (id text, tenant_id text);
ALTER TABLE unforced ENABLE ROW LEVEL SECURITY;
GRANT SELECT (id) ON unforced TO PUBLIC;
GRANT SELECT ON unforced TO skill_messages_test_nobody;

CREATE TABLE half_walled (id text, tenant_id text);
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
CREATE POLICY for_everybody ON half_walled
USING (tenant_id = current_setting('app.current_tenant_id', true));
CREATE POLICY for_monitor ON half_walled TO skill_messages_app, pg_monitor
USING (tenant_id = current_setting('app.current_tenant_id', true));

CREATE VIEW peephole AS SELECT * FROM skill_messages;
GRANT SELECT ON peephole TO pg_monitor;
CREATE MATERIALIZED VIEW snapshot AS SELECT * FROM skill_messages;

CREATE FUNCTION careless_function() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE FUNCTION writable_path() RETURNS int LANGUAGE sql SET search_path = public AS 'SELECT 1';
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

-- And care is not taken for carelessness.
CREATE TABLE careful (id text, tenant_id text, skill_id text,
    FOREIGN KEY (tenant_id, skill_id) REFERENCES skills (tenant_id, id));
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
GRANT SELECT ON careful TO skill_messages_service;
CREATE VIEW careful_view WITH (security_invoker = true) AS SELECT id FROM careful;
COMMENT ON VIEW careful_view IS 'As it should be.';
COMMENT ON COLUMN careful_view.id IS 'As it should be.';
CREATE FUNCTION careful_function(id text) RETURNS TABLE (skill_id text)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT ''x''';
REVOKE ALL ON FUNCTION careful_function(text) FROM PUBLIC;
COMMENT ON FUNCTION careful_function(text) IS 'As it should be.';
CREATE PROCEDURE careful_procedure() LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp;
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
END;
$$;
REVOKE ALL ON PROCEDURE careful_procedure() FROM PUBLIC;
COMMENT ON PROCEDURE careful_procedure() IS 'As it should be.';

SELECT is_empty(
    $$SELECT * FROM offender WHERE name LIKE 'careful%'$$,
    'a table, a view, a function and a procedure that keep the rules are not accused'
);

SELECT * FROM finish();
ROLLBACK;
