-- Revert skill_messages:message_life from pg

BEGIN;

DROP TRIGGER content_never_changes ON public.skill_messages;
DROP TRIGGER first_reading_stands ON public.skill_messages;
DROP TRIGGER answered_once ON public.skill_messages;
DROP TRIGGER born_pending_and_unread ON public.skill_messages;
DROP FUNCTION public.refuse_skill_message_change();

COMMIT;
