-- Revert skill_messages:insert_skill_message from pg

BEGIN;

DROP FUNCTION public.insert_skill_message(text, text, text, text, text, text, text);

COMMIT;
