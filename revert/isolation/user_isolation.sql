-- Revert skill_messages:isolation/user_isolation from pg
--
-- The privileges go first: without these policies, skill_messages_app must not reach the table.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

REVOKE ALL ON public.skill_messages FROM skill_messages_app;

DROP POLICY IF EXISTS app_answers_received ON public.skill_messages;
DROP POLICY IF EXISTS app_sends_as_itself ON public.skill_messages;
DROP POLICY IF EXISTS app_reads_own ON public.skill_messages;

COMMIT;
