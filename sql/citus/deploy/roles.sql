-- Deploy skill_messages_citus:roles to pg
-- requires: preflight
--
-- The coordinator reaches the workers as the role that is logged in there. So each role of the
-- package, the owner of its tables and every member of theirs has to be on every worker, with the
-- same memberships. Citus does this for a role that is made from now on.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

CREATE OR REPLACE FUNCTION skill_messages_private.citus_roles()
RETURNS TABLE (name text, creation text, memberships text[])
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_ours CONSTANT text[] := ARRAY[
        'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
    ];
BEGIN
    RETURN QUERY
    WITH RECURSIVE wanted AS (
        SELECT r.oid FROM pg_roles AS r WHERE r.rolname = ANY (c_ours)
        UNION
        SELECT c.relowner
        FROM skill_messages_private.citus_tables() AS t
        INNER JOIN pg_class AS c ON t.relation = c.oid
        UNION
        SELECT m.member
        FROM wanted AS w
        INNER JOIN pg_auth_members AS m ON w.oid = m.roleid
    )

    SELECT
        r.rolname::text,
        format('CREATE ROLE %I %s PASSWORD %L', r.rolname,
            concat_ws(' ',
                CASE WHEN r.rolcanlogin THEN 'LOGIN' END,
                CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
                CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
                CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
                CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END),
            r.rolpassword),
        ARRAY(
            SELECT granted.rolname::text
            FROM pg_auth_members AS m
            INNER JOIN pg_roles AS granted ON m.roleid = granted.oid
            INNER JOIN wanted AS w ON m.roleid = w.oid
            WHERE m.member = r.oid
            ORDER BY 1
        )
    FROM pg_authid AS r
    INNER JOIN wanted AS w ON r.oid = w.oid
    WHERE NOT r.rolsuper;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.citus_roles() IS
'The roles that every worker needs. creation: the statement that makes it. memberships: the roles,
of these, that it is a member of.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.citus_roles()');

DO $do$
DECLARE
    v_statement text;
    v_failed text;
BEGIN
    FOR v_statement IN
        SELECT format('IF to_regrole(%L) IS NULL THEN %s; END IF', quote_ident(r.name), r.creation)
        FROM skill_messages_private.citus_roles() AS r
        UNION ALL
        SELECT format('GRANT %I TO %I', granted.name, r.name)
        FROM skill_messages_private.citus_roles() AS r
        CROSS JOIN unnest(r.memberships) AS granted (name)
    LOOP
        SELECT string_agg(format('%s:%s: %s', n.nodename, n.nodeport, n.result), E'\n')
        INTO v_failed
        FROM run_command_on_workers(format('DO $$ BEGIN '
            'SET LOCAL citus.enable_ddl_propagation = off; SET LOCAL client_min_messages = error; '
            '%s; END; $$', v_statement)) AS n
        WHERE NOT n.success;
        IF v_failed IS NOT NULL THEN
            RAISE EXCEPTION 'a worker lacks a role: %', v_failed
                USING HINT = 'Make the role there as it is here, and deploy again.';
        END IF;
    END LOOP;
END;
$do$;

COMMIT;
