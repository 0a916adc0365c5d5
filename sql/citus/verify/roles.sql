-- Verify skill_messages_citus:roles on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(format('%s on %s:%s', r.name, n.nodename, n.nodeport), ', ')
    INTO v_missing
    FROM skill_messages_private.citus_roles() AS r
    CROSS JOIN LATERAL run_command_on_workers(format(
        'SELECT ARRAY(SELECT g.rolname::text FROM pg_auth_members AS m '
        'INNER JOIN pg_roles AS g ON g.oid = m.roleid '
        'WHERE m.member = r.oid ORDER BY 1) @> %L::text[] '
        'FROM pg_roles AS r WHERE r.rolname = %L', r.memberships, r.name
    )) AS n
    WHERE n.result IS DISTINCT FROM 't';

    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'roles are missing, or lack a membership: %', v_missing;
    END IF;
END;
$$;

ROLLBACK;
