-- Revert skill_messages:get_messages_from_user from pg

BEGIN;

DROP FUNCTION public.get_messages_from_user(text, integer, timestamptz, text);

COMMIT;
