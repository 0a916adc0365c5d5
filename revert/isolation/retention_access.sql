-- Revert skill_messages:isolation/retention_access from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

REVOKE ALL ON public.skill_messages FROM skill_messages_retention;

DROP POLICY IF EXISTS retention_access ON public.skill_messages;

COMMIT;
