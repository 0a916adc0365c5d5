-- Deploy skill_messages:operations/send_skill_message to pg
-- requires: private/current_skill_message_tenant
-- requires: private/check_skill_message_caller
-- requires: private/raise_skill_message_violation
-- requires: private/raise_read_only
-- requires: private/check_skill_message_retry
-- requires: rules/message_times
--
-- No rule is repeated here: the table's constraints decide, and the handler turns what they refuse
-- into an error that names the argument. ON CONFLICT names no key: whichever unique key refuses the
-- id, the content decides between a retry and an error.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.send_skill_message(
    from_user_id text,
    to_user_id text,
    subject_skill_id text,
    message text,
    proposed_parent_skill_id text DEFAULT NULL,
    id text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
    v_id text := coalesce(id, skill_messages_private.new_skill_message_id());
    v_constraint text;
    v_column text;
BEGIN
    IF (
        v_tenant_id <> ''
        AND from_user_id <> '' AND from_user_id = current_setting('app.current_user_id', true)
    ) IS NOT TRUE THEN
        PERFORM skill_messages_private.current_skill_message_tenant('from_user_id', from_user_id);
    END IF;

    -- Without this, the policy would refuse null as another user.
    IF from_user_id IS NULL THEN
        PERFORM skill_messages_private.raise_skill_message_violation('23502', NULL, 'from_user_id');
    ELSIF current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('send_skill_message');
    END IF;

    INSERT INTO public.skill_messages AS m (
        id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
        proposed_parent_skill_id
    )
    VALUES (
        v_id, v_tenant_id, from_user_id, to_user_id, subject_skill_id, coalesce(message, ''),
        proposed_parent_skill_id
    )
    ON CONFLICT DO NOTHING;

    IF NOT FOUND THEN
        PERFORM skill_messages_private.check_skill_message_retry(
            v_tenant_id, v_id, from_user_id, to_user_id, subject_skill_id, message,
            proposed_parent_skill_id
        );
    END IF;

    RETURN v_id;
EXCEPTION
    WHEN insufficient_privilege THEN
        PERFORM skill_messages_private.check_skill_message_caller();
        RAISE;
    WHEN program_limit_exceeded THEN
        SELECT a.name
        INTO v_column
        FROM (VALUES
            ('from_user_id', from_user_id), ('to_user_id', to_user_id),
            ('subject_skill_id', subject_skill_id),
            ('proposed_parent_skill_id', proposed_parent_skill_id)
        ) AS a (name, value)
        ORDER BY octet_length(a.value) DESC NULLS LAST
        LIMIT 1;
        PERFORM skill_messages_private.raise_skill_message_violation(sqlstate, NULL, v_column);
        RAISE;
    WHEN integrity_constraint_violation THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME, v_column = COLUMN_NAME;
        PERFORM skill_messages_private.raise_skill_message_violation(
            sqlstate, coalesce(nullif(v_constraint, ''), sqlerrm), nullif(v_column, '')
        );
        RAISE;
END;
$$;

COMMENT ON FUNCTION public.send_skill_message(text, text, text, text, text, text) IS
'Sends a message and returns its id. A retry with the same id and content returns the id and stores
nothing.
message: at least one visible character, at most 10,000. proposed_parent_skill_id: the skill to
group the subject under, or null. id: unique within the tenant, at most 255 bytes; a fresh UUID if
null.
Errors: SM001 no context; SM004 the id is taken by a different message; 23503 unknown user or skill;
23514 blank or oversized message, an id that is empty or over 255 bytes; 22023 an argument is null
or too long; 25006 the transaction is read-only; 40001 above READ COMMITTED: somebody else stored
the id meanwhile; 42501 from_user_id is not the signed-in user, or the caller has the rights of
neither role.';

CALL skill_messages_private.revoke_from_all(
    'public.send_skill_message(text, text, text, text, text, text)'
);
GRANT EXECUTE ON FUNCTION public.send_skill_message(text, text, text, text, text, text)
TO skill_messages_service, skill_messages_app;

COMMIT;
