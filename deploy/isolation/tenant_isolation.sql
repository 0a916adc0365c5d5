-- Deploy skill_messages:isolation/tenant_isolation to pg
-- requires: tables/foreign_keys
--
-- One door, several walls. tenant_access is the only permissive policy for the two roles: the door.
-- It has the tenant predicate too, so that no policy, taken alone, admits a row of another tenant.
-- All other policies for them are restrictive: the walls. FORCE, which the table has already, makes
-- them hold for the owner as well. No policy has an OR: with one, the inbox would lose its ordered
-- index scan.
--
-- always_current_tenant repeats tenant_isolation, for the planner. The planner evaluates a
-- condition of the caller before a policy if that condition is leakproof and cheaper. Then "message
-- >= 'S' AND id = (SELECT tell_me())" would tell of other tenants' texts. So this policy is as
-- cheap as a condition can be, and the first by its name. Its CASE keeps the planner from merging
-- it with the others.

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
'Lets skill_messages_service and skill_messages_app reach the messages of the current tenant.';
COMMENT ON POLICY tenant_isolation ON public.skill_messages IS
'Keeps everybody, the owner included, to the messages of the current tenant.';
COMMENT ON POLICY always_current_tenant ON public.skill_messages IS
'Repeats tenant_isolation so that PostgreSQL checks the tenant before any condition of the caller.';

GRANT SELECT, INSERT, UPDATE (status, read_at) ON public.skill_messages TO skill_messages_service;

COMMIT;
