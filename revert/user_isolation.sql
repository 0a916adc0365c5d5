-- Revert skill_messages:user_isolation from pg
--
-- The privileges go first: without its walls, skill_messages_app must not reach the table.

BEGIN;

REVOKE ALL ON public.skill_messages FROM skill_messages_app;

DROP POLICY app_answers_received ON public.skill_messages;
DROP POLICY app_sends_as_itself ON public.skill_messages;
DROP POLICY app_reads_own ON public.skill_messages;

COMMIT;
