-- Revert skill_messages:get_messages_for_user from pg

BEGIN;

DROP FUNCTION public.get_messages_for_user(text, integer, timestamptz, text);

COMMIT;
