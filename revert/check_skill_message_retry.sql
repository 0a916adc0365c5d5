-- Revert skill_messages:check_skill_message_retry from pg

BEGIN;

DROP FUNCTION public.check_skill_message_retry(text, text, text, text, text, text, text);

COMMIT;
