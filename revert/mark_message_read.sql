-- Revert skill_messages:mark_message_read from pg

BEGIN;

DROP FUNCTION public.mark_message_read(text);

COMMIT;
