-- Deploy skill_messages:isolation/user_isolation to pg
-- requires: isolation/tenant_isolation
--
-- The inner walls, for skill_messages_app alone: one signed-in user within the tenant. The CASE is
-- what an OR would be, but leaves the inbox its ordered index scan. No user set matches nobody: ids
-- are never empty. The privileges come last: before its walls, skill_messages_app reaches nothing.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

DROP POLICY IF EXISTS app_reads_own ON public.skill_messages;
CREATE POLICY app_reads_own ON public.skill_messages
AS RESTRICTIVE FOR SELECT TO skill_messages_app
USING (
    CASE (SELECT current_setting('app.current_user_id', true))
        WHEN to_user_id THEN true
        WHEN from_user_id THEN true
        ELSE false
    END
);

DROP POLICY IF EXISTS app_sends_as_itself ON public.skill_messages;
CREATE POLICY app_sends_as_itself ON public.skill_messages
AS RESTRICTIVE FOR INSERT TO skill_messages_app
WITH CHECK (from_user_id = current_setting('app.current_user_id', true));

DROP POLICY IF EXISTS app_answers_received ON public.skill_messages;
CREATE POLICY app_answers_received ON public.skill_messages
AS RESTRICTIVE FOR UPDATE TO skill_messages_app
USING (to_user_id = current_setting('app.current_user_id', true))
WITH CHECK (to_user_id = current_setting('app.current_user_id', true));

COMMENT ON POLICY app_reads_own ON public.skill_messages IS
'A signed-in user sees the messages that it sent or received.';
COMMENT ON POLICY app_sends_as_itself ON public.skill_messages IS
'A signed-in user sends as itself only.';
COMMENT ON POLICY app_answers_received ON public.skill_messages IS
'A signed-in user reads and answers only what it received.';

GRANT
SELECT,
INSERT (
    id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message
),
UPDATE (status, read_at)
ON public.skill_messages TO skill_messages_app;

COMMIT;
