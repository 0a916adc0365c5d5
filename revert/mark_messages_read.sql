-- Revert skill_messages:mark_messages_read from pg

BEGIN;

DROP FUNCTION public.mark_messages_read(text, timestamptz);

COMMIT;
