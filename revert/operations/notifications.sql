-- Revert skill_messages:operations/notifications from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS public.switch_skill_message_notifications(boolean);
DROP TRIGGER IF EXISTS notify_decided ON public.skill_messages;
DROP TRIGGER IF EXISTS notify_sent ON public.skill_messages;
DROP FUNCTION IF EXISTS skill_messages_private.notify_skill_message();

COMMIT;
