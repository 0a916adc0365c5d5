-- Deploy skill_messages:retention to pg
-- requires: tenant_isolation
-- requires: set_skill_message_context
--
-- The third role deletes and erases, one tenant at a time like everybody else, and reads no text:
-- UPDATE (message) lets it write [erased] there, and no other text, as message_life sees to.

BEGIN;

CREATE POLICY retention_access ON public.skill_messages
AS PERMISSIVE FOR ALL TO skill_messages_retention
USING (tenant_id = current_setting('app.current_tenant_id', true))
WITH CHECK (tenant_id = current_setting('app.current_tenant_id', true));

COMMENT ON POLICY retention_access ON public.skill_messages IS
'A door for retention and erasure: the current tenant only.';

GRANT
SELECT (id, tenant_id, from_user_id, to_user_id, status, created_at, read_at),
UPDATE (message),
DELETE
ON public.skill_messages TO skill_messages_retention;

GRANT EXECUTE ON FUNCTION public.set_skill_message_context(text, text) TO skill_messages_retention;

COMMIT;
