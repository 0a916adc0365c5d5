-- Deploy skill_messages:operations/update_message_status to pg
-- requires: private/raise_no_such_skill_message
-- requires: private/raise_read_only
-- requires: isolation/user_isolation
-- requires: rules/message_times
--
-- The decided message comes back so that the caller can group the skills in the same transaction.
-- Of two decisions at once, the second waits for the first and is then refused, be it the same one:
-- so that one caller groups the skills. The column is called new_status because PL/pgSQL has one
-- namespace for arguments and result columns.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.update_message_status(message_id text, status text)
RETURNS TABLE (
    id text,
    tenant_id text,
    from_user_id text,
    to_user_id text,
    subject_skill_id text,
    proposed_parent_skill_id text,
    message text,
    new_status text,
    created_at timestamptz,
    read_at timestamptz,
    answered_at timestamptz
)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
BEGIN
    IF status IS NULL OR status NOT IN ('accepted', 'declined') THEN
        RAISE EXCEPTION 'status "%" is not a decision', coalesce(left(status, 100), 'null')
            USING ERRCODE = 'check_violation',
                  HINT = 'Decide with accepted or declined.';
    ELSIF current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('update_message_status');
    END IF;

    RETURN QUERY
    UPDATE public.skill_messages AS m
    SET status = update_message_status.status
    WHERE m.tenant_id = v_tenant_id AND m.id = message_id COLLATE "default"
        AND m.status = 'pending'
    RETURNING
        m.id, m.tenant_id, m.from_user_id, m.to_user_id, m.subject_skill_id,
        m.proposed_parent_skill_id, m.message, m.status, m.created_at, m.read_at, m.answered_at;

    IF FOUND THEN
        RETURN;
    END IF;

    -- FOR UPDATE sees what this role may answer, not all that it may read.
    PERFORM FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id AND m.id = message_id COLLATE "default"
    FOR UPDATE;

    IF FOUND THEN
        RAISE EXCEPTION 'message_id "%": already accepted or declined', left(message_id, 100)
            USING ERRCODE = 'SM003',
                  HINT = 'A decision is final. Send a new message to propose again.';
    END IF;

    PERFORM skill_messages_private.raise_no_such_skill_message(message_id);
END;
$$;

COMMENT ON FUNCTION public.update_message_status(text, text) IS
'Accepts or declines a received message, once and for good, and returns it as it is now.
status: accepted or declined. The result calls it new_status.
Errors: SM001 no context; SM002 no such message for this tenant and user; SM003 already accepted or
declined; 23514 unknown status; 25006 the transaction is read-only; 40001 above READ COMMITTED:
somebody else changed it meanwhile; 42501 the caller has the rights of neither role.';

CALL skill_messages_private.revoke_from_all('public.update_message_status(text, text)');
GRANT EXECUTE ON FUNCTION public.update_message_status(text, text)
TO skill_messages_service, skill_messages_app;

COMMIT;
