-- Verify skill_messages:notifications on pg
--
-- Switched on or off, but both triggers alike.

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = to_regclass('public.skill_messages')
            AND t.tgfoid = to_regprocedure('public.notify_skill_message()')
            AND t.tgname IN ('notify_sent', 'notify_decided')
            AND t.tgenabled IN ('O', 'D')
        HAVING count(*) = 2 AND count(DISTINCT t.tgenabled) = 1
    ) THEN
        RAISE EXCEPTION 'a trigger for notifications is missing or different';
    END IF;

    IF 2 <> (
        SELECT count(*)
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid IN (
            to_regprocedure('public.notify_skill_message()'),
            to_regprocedure('public.switch_skill_message_notifications(boolean)')
        )
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
            AND NOT has_function_privilege('skill_messages_service', p.oid, 'EXECUTE')
            AND NOT has_function_privilege('skill_messages_app', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'a function for notifications is missing, or its security is';
    END IF;
END;
$$;

ROLLBACK;
