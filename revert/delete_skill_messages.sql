-- Revert skill_messages:delete_skill_messages from pg

BEGIN;

DROP FUNCTION public.delete_skill_messages(text, timestamptz, integer, boolean, boolean, boolean);

COMMIT;
