-- Verify skill_messages:export_user_messages on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure('public.export_user_messages(text)')
            AND pg_get_function_arguments(p.oid) = 'user_id text'
            AND pg_get_function_result(p.oid) = 'TABLE(line jsonb)'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'export_user_messages is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
