-- Revert skill_messages:set_skill_message_context from pg

BEGIN;

DROP FUNCTION public.set_skill_message_context(text, text);

COMMIT;
