-- Revert skill_messages:send_skill_message from pg

BEGIN;

DROP FUNCTION public.send_skill_message(text, text, text, text, text, text);

COMMIT;
