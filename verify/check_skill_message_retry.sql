-- Verify skill_messages:check_skill_message_retry on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure(
            'public.check_skill_message_retry(text, text, text, text, text, text, text)'
        )
            AND pg_get_function_arguments(p.oid) =
                    'tenant_id text, id text, from_user_id text, to_user_id text, '
                    'subject_skill_id text, message text, proposed_parent_skill_id text'
            AND pg_get_function_result(p.oid) = 'void'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'check_skill_message_retry is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
