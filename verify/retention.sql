-- Verify skill_messages:retention on pg

BEGIN;

DO $$
DECLARE
    v_table CONSTANT regclass := to_regclass('public.skill_messages');
    v_own_tenant CONSTANT text :=
        $p$(tenant_id = current_setting('app.current_tenant_id'::text, true))$p$;
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_policy
        WHERE polrelid = v_table AND polname = 'retention_access' AND polcmd = '*'
            AND polroles = ARRAY['skill_messages_retention'::regrole::oid]
            AND pg_get_expr(polqual, polrelid) = v_own_tenant
            AND pg_get_expr(polwithcheck, polrelid) = v_own_tenant
    ) THEN
        RAISE EXCEPTION 'retention_access is missing or different';
    END IF;

    IF NOT has_table_privilege('skill_messages_retention', v_table, 'DELETE')
        OR has_table_privilege('skill_messages_retention', v_table,
            'SELECT, INSERT, UPDATE, TRUNCATE')
        OR has_column_privilege('skill_messages_retention', v_table, 'message', 'SELECT')
        OR ARRAY['message'] <> ARRAY(
            SELECT a.attname::text
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = v_table AND a.attnum > 0 AND NOT a.attisdropped
                AND has_column_privilege('skill_messages_retention', v_table, a.attnum, 'UPDATE')
        ) THEN
        RAISE EXCEPTION 'skill_messages_retention has more or fewer privileges than '
            'SELECT (all but the text), UPDATE (message), DELETE';
    END IF;
END;
$$;

ROLLBACK;
