-- Deploy skill_messages:tables/hidden_names to pg
-- requires: tables/host_names
--
-- If the host has not granted the columns, the functions that return names fail. If its policies
-- admit none of our roles, every name is null without an error. So deploy and verify say what is
-- missing.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.hidden_names() RETURNS SETOF text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_roles CONSTANT text[] := ARRAY['skill_messages_service', 'skill_messages_app'];
BEGIN
    -- The columns that the views read and that one of the roles may not read.
    RETURN QUERY
    SELECT format('GRANT SELECT (%s) ON %s TO %s',
        string_agg(DISTINCT quote_ident(a.attname), ', '), a.attrelid::regclass,
        string_agg(DISTINCT role.name, ', '))
    FROM pg_rewrite AS r
    INNER JOIN pg_class AS v
        ON v.oid = r.ev_class AND v.relname IN ('tenant_names', 'user_names', 'skill_names')
        AND v.relnamespace = 'skill_messages_private'::regnamespace
    INNER JOIN pg_depend AS d
        ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid
    INNER JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    CROSS JOIN unnest(c_roles) AS role (name)
    WHERE NOT has_column_privilege(role.name, a.attrelid, a.attnum, 'SELECT')
    GROUP BY a.attrelid
    ORDER BY a.attrelid::regclass::text;

    -- Row-level security without a permissive policy for a role shows it nothing.
    RETURN QUERY
    SELECT format('CREATE POLICY skill_messages_names ON %s FOR SELECT TO %s '
        'USING (%I = current_setting(''app.current_tenant_id'', true))',
        host.oid::regclass, string_agg(role.name, ', ' ORDER BY role.name),
        CASE host.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END)
    FROM pg_class AS host
    CROSS JOIN unnest(c_roles) AS role (name)
    WHERE host.relnamespace = 'public'::regnamespace
        AND host.relname IN ('tenants', 'users', 'skills')
        AND host.relrowsecurity
        AND NOT EXISTS (
            SELECT
            FROM pg_policy AS p
            CROSS JOIN unnest(p.polroles) AS granted (oid)
            WHERE p.polrelid = host.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                AND (granted.oid = 0 OR pg_has_role(role.name, granted.oid, 'USAGE'))
        )
    GROUP BY host.oid, host.relname
    ORDER BY host.relname;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.hidden_names() IS
'The statements that the owner of the host''s tables has to run so that service and app can read the
names of tenants, users and skills. One statement per row; no row if they can read them already.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.hidden_names()');

DO $$
DECLARE
    v_statements text := array_to_string(
        ARRAY(SELECT skill_messages_private.hidden_names()), E';\n'
    );
BEGIN
    IF v_statements <> '' THEN
        RAISE NOTICE 'names of the host are hidden from service and app'
            USING HINT = v_statements;
    END IF;
END;
$$;

COMMIT;
