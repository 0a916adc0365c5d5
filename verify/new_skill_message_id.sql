-- Verify skill_messages:new_skill_message_id on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure('public.new_skill_message_id()')
            AND pg_get_function_result(p.oid) = 'text'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'new_skill_message_id is missing, changed, or its security is';
    END IF;
END;
$$;

ROLLBACK;
