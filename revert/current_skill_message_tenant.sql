-- Revert skill_messages:current_skill_message_tenant from pg

BEGIN;

DROP FUNCTION public.current_skill_message_tenant(text);

COMMIT;
