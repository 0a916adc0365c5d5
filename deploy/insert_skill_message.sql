-- Deploy skill_messages:insert_skill_message to pg
-- requires: user_isolation
-- requires: message_life
--
-- What a single send and a batch share. The tenant is an argument only here, and only to say it
-- once: the policies refuse any other than the one in the context. ON CONFLICT names no key:
-- whichever unique key refuses the id, the content decides between a retry and an error.

BEGIN;

CREATE FUNCTION public.insert_skill_message(
    tenant_id text,
    from_user_id text,
    to_user_id text,
    subject_skill_id text,
    message text,
    proposed_parent_skill_id text,
    id text
) RETURNS text
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := tenant_id;
    v_id text COLLATE "C" := coalesce(id, public.new_skill_message_id());
BEGIN
    INSERT INTO public.skill_messages AS m
    (
        id, tenant_id, from_user_id, to_user_id, subject_skill_id,
        proposed_parent_skill_id, message
    )
    VALUES (
        v_id, v_tenant_id, from_user_id, to_user_id, subject_skill_id,
        proposed_parent_skill_id, coalesce(message, '')
    )
    ON CONFLICT DO NOTHING;

    IF NOT FOUND AND NOT EXISTS (
        SELECT
        FROM public.skill_messages AS m
        WHERE m.tenant_id = v_tenant_id AND m.id = v_id
            AND m.from_user_id = insert_skill_message.from_user_id
            AND m.to_user_id = insert_skill_message.to_user_id
            AND m.subject_skill_id = insert_skill_message.subject_skill_id
            AND m.proposed_parent_skill_id
                IS NOT DISTINCT FROM insert_skill_message.proposed_parent_skill_id
            AND m.message = insert_skill_message.message
    ) THEN
        RAISE EXCEPTION 'id "%" is taken by a different message', v_id
            USING ERRCODE = 'SM004',
                  HINT = 'Retry with the same content, or leave the id out to get a fresh one.';
    END IF;

    RETURN v_id;
END;
$$;

COMMENT ON FUNCTION public.insert_skill_message(text, text, text, text, text, text, text) IS
'Stores a message and returns its id, a fresh one if null; for the sending functions.
Errors: SM004 the id is taken by a different message; else those of the table.';

REVOKE ALL ON FUNCTION public.insert_skill_message(text, text, text, text, text, text, text)
FROM public;
GRANT EXECUTE ON FUNCTION public.insert_skill_message(text, text, text, text, text, text, text)
TO skill_messages_service, skill_messages_app;

COMMIT;
