-- Verify skill_messages:tenant_isolation on pg

BEGIN;

DO $$
DECLARE
    v_own_tenant CONSTANT text :=
        $p$(tenant_id = current_setting('app.current_tenant_id'::text, true))$p$;
    v_table CONSTANT regclass := to_regclass('public.skill_messages');
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_class
        WHERE oid = v_table AND relrowsecurity AND relforcerowsecurity
    ) THEN
        RAISE EXCEPTION 'row-level security is not enabled and forced';
    END IF;

    IF 2 <> (
        SELECT count(*)
        FROM pg_catalog.pg_policy
        WHERE polrelid = v_table AND polcmd = '*'
            AND (polname, polpermissive, polroles) IN (
                ('tenant_isolation', false, ARRAY[0::oid]),
                ('tenant_access', true, ARRAY[
                    'skill_messages_service'::regrole::oid, 'skill_messages_app'::regrole::oid
                ])
            )
            AND pg_get_expr(polqual, polrelid) = v_own_tenant
            AND pg_get_expr(polwithcheck, polrelid) = v_own_tenant
    ) THEN
        RAISE EXCEPTION 'tenant_isolation or tenant_access is missing or different';
    END IF;

    IF EXISTS (
        SELECT
        FROM pg_catalog.pg_policy
        WHERE polrelid = v_table AND polpermissive
            AND polname NOT IN ('tenant_access', 'retention_access')
    ) THEN
        RAISE EXCEPTION 'another permissive policy stands beside tenant_access';
    END IF;

    IF has_table_privilege('public', v_table,
            'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
        OR has_any_column_privilege('public', v_table, 'SELECT, INSERT, UPDATE, REFERENCES') THEN
        RAISE EXCEPTION 'PUBLIC has a privilege';
    END IF;

    IF NOT has_table_privilege('skill_messages_service', v_table, 'SELECT')
        OR NOT has_table_privilege('skill_messages_service', v_table, 'INSERT')
        OR has_table_privilege('skill_messages_service', v_table, 'UPDATE, DELETE, TRUNCATE')
        OR ARRAY['read_at', 'status'] <> ARRAY(
            SELECT a.attname::text
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = v_table AND a.attnum > 0 AND NOT a.attisdropped
                AND has_column_privilege('skill_messages_service', v_table, a.attnum, 'UPDATE')
            ORDER BY 1
        ) THEN
        RAISE EXCEPTION 'skill_messages_service has more or fewer privileges than '
            'SELECT, INSERT, UPDATE (status, read_at)';
    END IF;
END;
$$;

ROLLBACK;
