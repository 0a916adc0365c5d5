-- Deploy skill_messages:operations/get_skill_message to pg
-- requires: private/raise_no_such_skill_message
-- requires: isolation/user_isolation
-- requires: tables/hidden_names

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.get_skill_message(message_id text) RETURNS TABLE (
    id text,
    tenant_id text,
    from_user_id text,
    to_user_id text,
    subject_skill_id text,
    proposed_parent_skill_id text,
    message text,
    status text,
    created_at timestamptz,
    read_at timestamptz,
    answered_at timestamptz,
    tenant_name text,
    from_user_name text,
    to_user_name text,
    subject_skill_name text,
    proposed_parent_skill_name text
)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
BEGIN
    BEGIN
        RETURN QUERY
        SELECT
            m.id, m.tenant_id, m.from_user_id, m.to_user_id, m.subject_skill_id,
            m.proposed_parent_skill_id, m.message, m.status, m.created_at, m.read_at, m.answered_at,
            tenant.name, sender.name, recipient.name, subject.name, parent.name
        FROM public.skill_messages AS m
        LEFT JOIN skill_messages_private.tenant_names AS tenant
            ON tenant.id = m.tenant_id
        LEFT JOIN skill_messages_private.user_names AS sender
            ON sender.tenant_id = m.tenant_id AND sender.id = m.from_user_id
        LEFT JOIN skill_messages_private.user_names AS recipient
            ON recipient.tenant_id = m.tenant_id AND recipient.id = m.to_user_id
        LEFT JOIN skill_messages_private.skill_names AS subject
            ON subject.tenant_id = m.tenant_id AND subject.id = m.subject_skill_id
        LEFT JOIN skill_messages_private.skill_names AS parent
            ON parent.tenant_id = m.tenant_id AND parent.id = m.proposed_parent_skill_id
        WHERE m.tenant_id = v_tenant_id AND m.id = message_id COLLATE "default";
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE EXCEPTION '%', sqlerrm
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'The owner of the host''s tables has to grant the columns of the '
                             'names: skill_messages_private.hidden_names() says how.';
    END;

    IF NOT FOUND THEN
        PERFORM skill_messages_private.raise_no_such_skill_message(message_id);
    END IF;
END;
$$;

COMMENT ON FUNCTION public.get_skill_message(text) IS
'One message with the names of its tenant, users and skills. A name is null where the host''s own
row-level security hides it, or where the host has none.
Errors: SM001 no context; SM002 no such message for this tenant and user; 42501 the host has not
granted the caller''s role SELECT on its tables, or the caller has the rights of neither role.';

CALL skill_messages_private.revoke_from_all('public.get_skill_message(text)');
GRANT EXECUTE ON FUNCTION public.get_skill_message(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
