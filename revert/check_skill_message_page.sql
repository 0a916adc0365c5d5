-- Revert skill_messages:check_skill_message_page from pg

BEGIN;

DROP FUNCTION public.check_skill_message_page(text, integer, timestamptz, text);

COMMIT;
