-- Revert skill_messages:erase_user_messages from pg

BEGIN;

REVOKE ALL ON FUNCTION public.raise_skill_message_violation(text, text, text, text)
FROM skill_messages_retention;
REVOKE ALL ON FUNCTION public.current_skill_message_tenant(text) FROM skill_messages_retention;

DROP FUNCTION public.erase_user_messages(text);

COMMIT;
