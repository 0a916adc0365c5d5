-- Deploy skill_messages:isolation/tenant_isolation to pg
-- requires: tables/skill_messages
--
-- One door, several walls. tenant_access is the only permissive policy, the door; it repeats the
-- tenant predicate so that no policy, taken alone, admits a row of another tenant. All others are
-- restrictive. FORCE, which came with the table, binds the owner too. A predicate with an OR would
-- cost the inbox its ordered index scan.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '5s';
SET LOCAL client_min_messages = warning;

DROP POLICY IF EXISTS tenant_access ON public.skill_messages;
CREATE POLICY tenant_access ON public.skill_messages
AS PERMISSIVE FOR ALL TO skill_messages_service, skill_messages_app
USING (tenant_id = current_setting('app.current_tenant_id', true))
WITH CHECK (tenant_id = current_setting('app.current_tenant_id', true));

DROP POLICY IF EXISTS tenant_isolation ON public.skill_messages;
CREATE POLICY tenant_isolation ON public.skill_messages
AS RESTRICTIVE FOR ALL
USING (tenant_id = current_setting('app.current_tenant_id', true))
WITH CHECK (tenant_id = current_setting('app.current_tenant_id', true));

COMMENT ON POLICY tenant_access ON public.skill_messages IS
'The door of service and app: the current tenant only.';
COMMENT ON POLICY tenant_isolation ON public.skill_messages IS
'The outer wall: everybody, the owner included, the current tenant only.';

GRANT SELECT, INSERT, UPDATE (status, read_at) ON public.skill_messages TO skill_messages_service;

COMMIT;
