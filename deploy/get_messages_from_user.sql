-- Deploy skill_messages:get_messages_from_user to pg
-- requires: check_skill_message_page
-- requires: user_isolation
--
-- The sent box: the inbox seen from the other end, by the other index.

BEGIN;

CREATE FUNCTION public.get_messages_from_user(
    user_id text,
    max_messages integer DEFAULT 50,
    before_created_at timestamptz DEFAULT NULL,
    before_id text DEFAULT NULL
) RETURNS TABLE (
    id text,
    tenant_id text,
    from_user_id text,
    to_user_id text,
    subject_skill_id text,
    proposed_parent_skill_id text,
    message text,
    status text,
    created_at timestamptz,
    read_at timestamptz
)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
    v_before_created_at timestamptz := coalesce(before_created_at, 'infinity');
    v_before_id text := coalesce(before_id, '');
BEGIN
    -- What is plainly right is not checked closer: a call costs as much as ten messages.
    IF (
        v_tenant_id <> ''
        AND user_id <> '' AND user_id = current_setting('app.current_user_id', true)
        AND max_messages BETWEEN 1 AND 1000
        AND (before_created_at IS NULL) = (before_id IS NULL)
    ) IS NOT TRUE THEN
        PERFORM public.check_skill_message_page(
            user_id, max_messages, before_created_at, before_id
        );
    END IF;

    RETURN QUERY
    SELECT
        m.id, m.tenant_id, m.from_user_id, m.to_user_id, m.subject_skill_id,
        m.proposed_parent_skill_id, m.message, m.status, m.created_at, m.read_at
    FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id
        AND m.from_user_id = user_id
        AND (m.created_at, m.id) < (v_before_created_at, v_before_id COLLATE "C")
    ORDER BY m.created_at DESC, m.id DESC
    LIMIT max_messages;
END;
$$;

COMMENT ON FUNCTION public.get_messages_from_user(text, integer, timestamptz, text) IS
'The messages that a user sent, newest first, ties by id, descending.
max_messages: 1 to 1000. before_created_at, before_id: created_at and id of the last message of the
page before; both null for the first page.
Errors: SM001 no context; 22023 an argument is null or out of range; 42501 user_id is not the
signed-in user.';

REVOKE ALL ON FUNCTION public.get_messages_from_user(text, integer, timestamptz, text) FROM public;
GRANT EXECUTE ON FUNCTION public.get_messages_from_user(text, integer, timestamptz, text)
TO skill_messages_service, skill_messages_app;

COMMIT;
