-- Verify skill_messages:isolation/tenant_isolation on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_own_tenant CONSTANT text :=
        $p$(tenant_id = current_setting('app.current_tenant_id'::text, true))$p$;
    v_always CONSTANT text := 'CASE WHEN (tenant_id = ANY (ARRAY[( SELECT '
        'current_setting(''app.current_tenant_id''::text, true) AS current_setting)])) '
        'THEN true ELSE false END';
    v_others text;
BEGIN
    PERFORM
        skill_messages_private.verify_policy('public.skill_messages', 'tenant_isolation',
            'restrictive', 'all', '{public}', v_own_tenant, v_own_tenant),
        skill_messages_private.verify_policy('public.skill_messages', 'always_current_tenant',
            'restrictive', 'select', '{public}', v_always, NULL),
        skill_messages_private.verify_policy('public.skill_messages', 'tenant_access',
            'permissive', 'all', '{skill_messages_app,skill_messages_service}',
            v_own_tenant, v_own_tenant),
        skill_messages_private.verify_privileges('public.skill_messages',
            'skill_messages_service', 'INSERT, SELECT, UPDATE (status, read_at)');

    IF EXISTS (
        SELECT
        FROM pg_policy
        WHERE polrelid = 'public.skill_messages'::regclass AND polpermissive
            AND polname NOT IN ('tenant_access', 'retention_access')
    ) THEN
        RAISE EXCEPTION 'another permissive policy stands beside tenant_access';
    END IF;

    v_others := skill_messages_private.other_grantees('public.skill_messages',
        'skill_messages_service', 'skill_messages_app', 'skill_messages_retention');
    IF v_others IS NOT NULL THEN
        RAISE EXCEPTION 'public.skill_messages is open to others: %', v_others;
    END IF;
END;
$$;

ROLLBACK;
