-- Deploy skill_messages:isolation/retention_access to pg
-- requires: isolation/tenant_isolation
--
-- The third role deletes and erases within the current tenant. It reads no text. It has UPDATE
-- (message) to write [erased]; the trigger content_never_changes refuses any other text. It needs
-- ctid to lock messages in the order of the table.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

DROP POLICY IF EXISTS retention_access ON public.skill_messages;
CREATE POLICY retention_access ON public.skill_messages
AS PERMISSIVE FOR ALL TO skill_messages_retention
USING (tenant_id = current_setting('app.current_tenant_id', true))
WITH CHECK (tenant_id = current_setting('app.current_tenant_id', true));

COMMENT ON POLICY retention_access ON public.skill_messages IS
'Lets skill_messages_retention reach the messages of the current tenant.';

GRANT
SELECT (ctid, id, tenant_id, from_user_id, to_user_id, status, created_at, read_at),
UPDATE (message),
DELETE
ON public.skill_messages TO skill_messages_retention;

COMMIT;
