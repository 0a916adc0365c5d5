-- Deploy skill_messages:private/check_skill_message_retry to pg
-- requires: isolation/user_isolation
--
-- The functions that send call this when an id is taken. The same content means a retry of a send
-- that has succeeded; other content is an error. So is a message that the caller may not see.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.check_skill_message_retry(
    tenant_id text,
    id text,
    from_user_id text,
    to_user_id text,
    subject_skill_id text,
    message text,
    proposed_parent_skill_id text
) RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := tenant_id;
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM public.skill_messages AS m
        WHERE m.tenant_id = v_tenant_id
            AND m.id = check_skill_message_retry.id COLLATE "default"
            AND m.from_user_id = check_skill_message_retry.from_user_id
            AND m.to_user_id = check_skill_message_retry.to_user_id
            AND m.subject_skill_id = check_skill_message_retry.subject_skill_id
            AND m.proposed_parent_skill_id
                IS NOT DISTINCT FROM check_skill_message_retry.proposed_parent_skill_id
            AND m.message = check_skill_message_retry.message
    ) THEN
        RAISE EXCEPTION 'id "%" is taken by a different message', left(id, 100)
            USING ERRCODE = 'SM004',
                  HINT = 'Retry with the same content, or leave the id out to get a fresh one.';
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.check_skill_message_retry IS
'For the functions that send: checks that the message with this id has this content.
Errors: SM004 the id is taken by a different message.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.check_skill_message_retry(text, text, text, text, text, text, text)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.check_skill_message_retry(
    text, text, text, text, text, text, text
) TO skill_messages_service, skill_messages_app;

COMMIT;
