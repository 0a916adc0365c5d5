-- Revert skill_messages:tenant_isolation from pg

BEGIN;

REVOKE ALL ON public.skill_messages FROM skill_messages_service;

DROP POLICY tenant_isolation ON public.skill_messages;
DROP POLICY tenant_access ON public.skill_messages;

ALTER TABLE public.skill_messages NO FORCE ROW LEVEL SECURITY;
ALTER TABLE public.skill_messages DISABLE ROW LEVEL SECURITY;

COMMIT;
