-- Verify skill_messages:get_skill_message on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure('public.get_skill_message(text)')
            AND pg_get_function_arguments(p.oid) = 'message_id text'
            AND pg_get_function_result(p.oid) =
                    'TABLE(id text, tenant_id text, from_user_id text, to_user_id text, '
                    'subject_skill_id text, proposed_parent_skill_id text, message text, '
                    'status text, created_at timestamp with time zone, '
                    'read_at timestamp with time zone, answered_at timestamp with time zone, '
                    'tenant_name text, from_user_name text, to_user_name text, '
                    'subject_skill_name text, proposed_parent_skill_name text)'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'get_skill_message is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
