-- Verify skill_messages:send_skill_messages on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure('public.send_skill_messages(jsonb)')
            AND pg_get_function_arguments(p.oid) = 'messages jsonb'
            AND pg_get_function_result(p.oid) = 'text[]'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'send_skill_messages is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
