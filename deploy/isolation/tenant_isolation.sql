-- Deploy skill_messages:isolation/tenant_isolation to pg
-- requires: tables/foreign_keys
--
-- One door, several walls. tenant_access is the only permissive policy, the door; it repeats the
-- tenant predicate so that no policy, taken alone, admits a row of another tenant. All others are
-- restrictive. FORCE, which came with the table, binds the owner too. A predicate with an OR would
-- cost the inbox its ordered index scan.
--
-- always_current_tenant says the same once more, for the planner: it evaluates a condition of the
-- caller before the policies if that is leakproof and cheaper, and then "message >= 'S' AND id =
-- (SELECT tell_me())" tells of other tenants' texts. So this one is as cheap as a condition can be,
-- and the first by its name. CASE keeps it apart from the others, which the planner would merge.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

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

DROP POLICY IF EXISTS always_current_tenant ON public.skill_messages;
CREATE POLICY always_current_tenant ON public.skill_messages
AS RESTRICTIVE FOR SELECT
USING (
    CASE
        WHEN tenant_id = ANY (  -- noqa
            ARRAY[(SELECT current_setting('app.current_tenant_id', true))]
        ) THEN true
        ELSE false
    END
);

COMMENT ON POLICY tenant_access ON public.skill_messages IS
'The door of service and app: the current tenant only.';
COMMENT ON POLICY tenant_isolation ON public.skill_messages IS
'The outer wall: everybody, the owner included, the current tenant only.';
COMMENT ON POLICY always_current_tenant ON public.skill_messages IS
'The outer wall, as the first condition that is evaluated.';

GRANT SELECT, INSERT, UPDATE (status, read_at) ON public.skill_messages TO skill_messages_service;

COMMIT;
