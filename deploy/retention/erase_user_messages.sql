-- Deploy skill_messages:retention/erase_user_messages to pg
-- requires: isolation/retention_access
-- requires: rules/message_life
-- requires: private/current_skill_message_tenant
-- requires: private/raise_skill_message_violation
-- requires: private/check_skill_message_caller
-- requires: private/raise_read_only
--
-- A message that was never answered is deleted. Of one that was, the other user keeps the record:
-- ids, skills, status and times, with [erased] in place of the text. The rows are locked first, in
-- the order of the table, as in every operation that locks several.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.erase_user_messages(
    user_id text,
    keep_decided boolean DEFAULT TRUE
) RETURNS TABLE (
    deleted bigint,
    erased bigint
)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := skill_messages_private.current_skill_message_tenant();
    v_ids text[];
BEGIN
    IF user_id IS NULL OR keep_decided IS NULL THEN
        PERFORM skill_messages_private.raise_skill_message_violation('23502', NULL,
            CASE WHEN user_id IS NULL THEN 'user_id' ELSE 'keep_decided' END);
    ELSIF current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('erase_user_messages');
    END IF;

    -- Always: an owner who is also a member of service would be allowed by the table.
    PERFORM skill_messages_private.check_skill_message_caller(ARRAY['skill_messages_retention']);

    v_ids := ARRAY(
        SELECT m.id
        FROM public.skill_messages AS m
        WHERE m.tenant_id = v_tenant_id AND (m.from_user_id = user_id OR m.to_user_id = user_id)
        ORDER BY m.ctid
        FOR UPDATE
    );
    DELETE FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id AND m.id = ANY (v_ids)
        AND (m.status = 'pending' OR NOT keep_decided);
    GET DIAGNOSTICS deleted = ROW_COUNT;

    UPDATE public.skill_messages AS m
    SET message = '[erased]'
    WHERE m.tenant_id = v_tenant_id AND m.id = ANY (v_ids);
    GET DIAGNOSTICS erased = ROW_COUNT;

    RETURN NEXT;
END;
$$;

COMMENT ON FUNCTION public.erase_user_messages(text, boolean) IS
'Erases the texts of all messages that a user sent or received, and deletes those that were never
answered.
keep_decided: false deletes answered messages too, so that nothing names the user any more.
deleted: how many messages it deleted. erased: how many texts it erased; ids, skills, status and
times of these messages stay.
Errors: SM001 no context; 22023 an argument is null; 25006 the transaction is read-only; 40001 above
READ COMMITTED: somebody else changed a message meanwhile; 42501 the caller
does not have the rights of skill_messages_retention.';

CALL skill_messages_private.revoke_from_all('public.erase_user_messages(text, boolean)');
GRANT EXECUTE ON FUNCTION public.erase_user_messages(text, boolean) TO skill_messages_retention;

COMMIT;
