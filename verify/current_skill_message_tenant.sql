-- Verify skill_messages:current_skill_message_tenant on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure('public.current_skill_message_tenant(text)')
            AND pg_get_function_arguments(p.oid) = 'acting_user_id text DEFAULT NULL::text'
            AND pg_get_function_result(p.oid) = 'text'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'current_skill_message_tenant is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
