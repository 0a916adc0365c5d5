-- Verify skill_messages:operations/notifications on pg
--
-- Switched on or off, but both triggers alike.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.notify_skill_message()', '', 'trigger', '{}'
);

SELECT skill_messages_private.verify_function(
    'public.switch_skill_message_notifications(boolean)', 'switched_on boolean', 'void', '{}'
);

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_trigger AS t
        WHERE t.tgrelid = to_regclass('public.skill_messages')
            AND t.tgfoid = to_regprocedure('skill_messages_private.notify_skill_message()')
            AND t.tgname IN ('notify_sent', 'notify_decided')
            AND t.tgenabled IN ('O', 'D')
        HAVING count(*) = 2 AND count(DISTINCT t.tgenabled) = 1
    ) THEN
        RAISE EXCEPTION 'a trigger for notifications is missing or different';
    END IF;
END;
$$;

ROLLBACK;
