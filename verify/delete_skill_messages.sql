-- Verify skill_messages:delete_skill_messages on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure(
            'public.delete_skill_messages(text, timestamptz, integer, boolean, boolean, boolean)'
        )
            AND pg_get_function_arguments(p.oid) =
                    'tenant_id text, created_before timestamp with time zone, '
                    'batch_size integer, include_pending boolean, include_unread boolean, '
                    'dry_run boolean'
            AND pg_get_function_result(p.oid) = 'bigint'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND NOT has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND NOT has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_retention', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'delete_skill_messages is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
