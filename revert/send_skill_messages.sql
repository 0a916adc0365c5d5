-- Revert skill_messages:send_skill_messages from pg

BEGIN;

DROP FUNCTION public.send_skill_messages(jsonb);

COMMIT;
