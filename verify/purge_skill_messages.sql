-- Verify skill_messages:purge_skill_messages on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure(
            'public.purge_skill_messages('
            'interval, integer, text, boolean, boolean, boolean, bigint)'
        )
            AND p.prokind = 'p'
            AND pg_get_function_arguments(p.oid) =
                'IN older_than interval, IN batch_size integer DEFAULT 1000, '
                'IN tenant_id text DEFAULT NULL::text, '
                'IN include_pending boolean DEFAULT false, '
                'IN include_unread boolean DEFAULT false, IN dry_run boolean DEFAULT false, '
                'INOUT deleted bigint DEFAULT 0'
            AND NOT p.prosecdef
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND NOT has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND NOT has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_retention', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'purge_skill_messages is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
