-- Revert skill_messages:retention from pg

BEGIN;

REVOKE ALL ON FUNCTION public.set_skill_message_context(text, text) FROM skill_messages_retention;
REVOKE ALL ON public.skill_messages FROM skill_messages_retention;

DROP POLICY retention_access ON public.skill_messages;

COMMIT;
