-- Revert skill_messages:get_skill_message from pg

BEGIN;

DROP FUNCTION public.get_skill_message(text);

COMMIT;
