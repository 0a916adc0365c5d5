-- Deploy skill_messages:send_skill_message to pg
-- requires: current_skill_message_tenant
-- requires: raise_skill_message_violation
-- requires: check_skill_message_retry
-- requires: message_life
--
-- No rule is repeated here: the table's constraints decide, and the handler turns what they refuse
-- into an error that names the argument. ON CONFLICT names no key: whichever unique key refuses the
-- id, the content decides between a retry and an error.

BEGIN;

CREATE FUNCTION public.send_skill_message(
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
    v_id text COLLATE "C" := coalesce(id, public.new_skill_message_id());
    v_constraint text;
    v_column text;
BEGIN
    IF (
        v_tenant_id <> ''
        AND from_user_id <> '' AND from_user_id = current_setting('app.current_user_id', true)
    ) IS NOT TRUE THEN
        PERFORM public.current_skill_message_tenant(from_user_id);
    END IF;

    -- The policy would refuse null as somebody else.
    IF from_user_id IS NULL THEN
        PERFORM public.raise_skill_message_violation('23502', NULL, 'from_user_id');
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
        PERFORM public.check_skill_message_retry(
            v_tenant_id, v_id, from_user_id, to_user_id, subject_skill_id, message,
            proposed_parent_skill_id
        );
    END IF;

    RETURN v_id;
EXCEPTION
    WHEN integrity_constraint_violation OR program_limit_exceeded THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME, v_column = COLUMN_NAME;
        PERFORM public.raise_skill_message_violation(sqlstate, v_constraint, v_column);
        RAISE;
END;
$$;

COMMENT ON FUNCTION public.send_skill_message(text, text, text, text, text, text) IS
'Sends a message and returns its id. A retry with the same id and content returns the id and stores
nothing.
message: 1 to 10,000 characters, not blank. proposed_parent_skill_id: the skill to group the subject
under, or null. id: unique over all tenants; a fresh UUID if null.
Errors: SM001 no context; SM004 the id is taken by a different message; 23503 unknown user or skill;
23514 blank or oversized message, empty id; 22023 an argument is null; 42501 from_user_id is not the
signed-in user.';

REVOKE ALL ON FUNCTION public.send_skill_message(text, text, text, text, text, text) FROM public;
GRANT EXECUTE ON FUNCTION public.send_skill_message(text, text, text, text, text, text)
TO skill_messages_service, skill_messages_app;

COMMIT;
