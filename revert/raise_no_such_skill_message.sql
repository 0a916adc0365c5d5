-- Revert skill_messages:raise_no_such_skill_message from pg

BEGIN;

DROP FUNCTION public.raise_no_such_skill_message(text);

COMMIT;
