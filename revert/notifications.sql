-- Revert skill_messages:notifications from pg

BEGIN;

DROP FUNCTION public.switch_skill_message_notifications(boolean);
DROP TRIGGER notify_decided ON public.skill_messages;
DROP TRIGGER notify_sent ON public.skill_messages;
DROP FUNCTION public.notify_skill_message();

COMMIT;
