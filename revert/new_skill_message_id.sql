-- Revert skill_messages:new_skill_message_id from pg

BEGIN;

DROP FUNCTION public.new_skill_message_id();

COMMIT;
