-- Revert skill_messages:check_skill_message_batch from pg

BEGIN;

DROP FUNCTION public.check_skill_message_batch(jsonb);

COMMIT;
