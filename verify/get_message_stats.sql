-- Verify skill_messages:get_message_stats on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure('public.get_message_stats()')
            AND pg_get_function_arguments(p.oid) = ''
            AND pg_get_function_result(p.oid) =
                    'TABLE(pending bigint, accepted bigint, declined bigint, unread bigint, '
                    'oldest_pending_created_at timestamp with time zone, '
                    'median_time_to_answer interval)'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'get_message_stats is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
