-- Revert skill_messages:get_message_stats from pg

BEGIN;

DROP FUNCTION public.get_message_stats();

COMMIT;
