-- Deploy skill_messages:isolation/user_isolation to pg
-- requires: isolation/tenant_isolation
--
-- These policies are for skill_messages_app alone: they narrow it to one signed-in user within the
-- tenant. The CASE means the same as an OR, but leaves the inbox its ordered index scan. Without a
-- user in the context no row matches, since ids are never empty. The GRANT comes last: until the
-- policies exist, skill_messages_app reaches nothing.

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
'Shows skill_messages_app only the messages that the signed-in user sent or received.';
COMMENT ON POLICY app_sends_as_itself ON public.skill_messages IS
'Lets skill_messages_app send messages only as the signed-in user.';
COMMENT ON POLICY app_answers_received ON public.skill_messages IS
'Lets skill_messages_app mark read and answer only messages that the signed-in user received.';

GRANT
SELECT,
INSERT (
    id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message
),
UPDATE (status, read_at)
ON public.skill_messages TO skill_messages_app;

COMMIT;
