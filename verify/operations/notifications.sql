-- Verify skill_messages:operations/notifications on pg
--
-- Off: there is no trigger. On: there are both, as the switch makes them.

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
            AND t.tgname IN ('notify_sent', 'notify_decided')
        HAVING count(*) = 0 OR ARRAY[
            'O CREATE TRIGGER notify_decided AFTER UPDATE ON public.skill_messages FOR EACH ROW '
            'WHEN ((new.status IS DISTINCT FROM old.status)) EXECUTE FUNCTION '
            'skill_messages_private.notify_skill_message(''skill_message_decided'')',
            'O CREATE TRIGGER notify_sent AFTER INSERT ON public.skill_messages FOR EACH ROW '
            'EXECUTE FUNCTION '
            'skill_messages_private.notify_skill_message(''skill_message_sent'')'
        ] = array_agg(concat(t.tgenabled, ' ', pg_get_triggerdef(t.oid)) ORDER BY t.tgname)
    ) THEN
        RAISE EXCEPTION 'notifications are neither on nor off: a trigger for them is missing, '
            'disabled or different'
            USING HINT = 'As the owner of the table, SELECT '
                         'switch_skill_message_notifications(true), or false.';
    END IF;
END;
$$;

ROLLBACK;
