-- Revert skill_messages:export_user_messages from pg

BEGIN;

DROP FUNCTION public.export_user_messages(text);

COMMIT;
