-- Verify skill_messages:isolation/retention_access on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_own_tenant CONSTANT text :=
        $p$(tenant_id = current_setting('app.current_tenant_id'::text, true))$p$;
BEGIN
    PERFORM
        skill_messages_private.verify_policy('public.skill_messages', 'retention_access',
            'permissive', 'all', '{skill_messages_retention}', v_own_tenant, v_own_tenant),
        skill_messages_private.verify_privileges('public.skill_messages',
            'skill_messages_retention', 'DELETE, '
            'SELECT (ctid, id, tenant_id, from_user_id, to_user_id, status, created_at, read_at), '
            'UPDATE (message)');
END;
$$;

ROLLBACK;
