-- Revert skill_messages:raise_skill_message_violation from pg

BEGIN;

DROP FUNCTION public.raise_skill_message_violation(text, text, text, text);

COMMIT;
