-- Revert skill_messages:isolation/tenant_isolation from pg
--
-- Row-level security itself stays until the table goes: without a policy nobody sees a row.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

REVOKE ALL ON public.skill_messages FROM skill_messages_service;

DROP POLICY IF EXISTS tenant_access ON public.skill_messages;
DROP POLICY IF EXISTS always_current_tenant ON public.skill_messages;
DROP POLICY IF EXISTS tenant_isolation ON public.skill_messages;

COMMIT;
