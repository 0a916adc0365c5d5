-- Revert skill_messages:update_message_status from pg

BEGIN;

DROP FUNCTION public.update_message_status(text, text);

COMMIT;
