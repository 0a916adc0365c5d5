-- Revert skill_messages:time_of_answer from pg

BEGIN;

DROP TRIGGER time_of_answer ON public.skill_messages;
DROP FUNCTION public.note_time_of_skill_message_answer();

COMMIT;
