-- Verify skill_messages:get_messages_from_user on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure(
            'public.get_messages_from_user(text, integer, timestamptz, text)'
        )
            AND pg_get_function_arguments(p.oid) =
                    'user_id text, max_messages integer DEFAULT 50, '
                    'before_created_at timestamp with time zone '
                    'DEFAULT NULL::timestamp with time zone, '
                    'before_id text DEFAULT NULL::text'
            AND pg_get_function_result(p.oid) =
                    'TABLE(id text, tenant_id text, from_user_id text, to_user_id text, '
                    'subject_skill_id text, proposed_parent_skill_id text, message text, '
                    'status text, created_at timestamp with time zone, '
                    'read_at timestamp with time zone)'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'get_messages_from_user is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
