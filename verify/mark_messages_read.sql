-- Verify skill_messages:mark_messages_read on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure('public.mark_messages_read(text, timestamptz)')
            AND pg_get_function_arguments(p.oid) =
                'user_id text, up_to_created_at timestamp with time zone DEFAULT now()'
            AND pg_get_function_result(p.oid) = 'bigint'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'mark_messages_read is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
