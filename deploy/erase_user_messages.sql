-- Deploy skill_messages:erase_user_messages to pg
-- requires: retention
-- requires: message_life
-- requires: current_skill_message_tenant
-- requires: raise_skill_message_violation
--
-- Where nothing was decided, nothing stays. Where something was, the counterpart keeps the record
-- of it: ids, skills, status and times, and [erased] in place of the text.

BEGIN;

CREATE FUNCTION public.erase_user_messages(user_id text) RETURNS TABLE (
    deleted bigint,
    erased bigint
)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := public.current_skill_message_tenant();
BEGIN
    IF user_id IS NULL THEN
        PERFORM public.raise_skill_message_violation('23502', NULL, 'user_id');
    END IF;

    DELETE FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id AND (m.from_user_id = user_id OR m.to_user_id = user_id)
        AND m.status = 'pending';
    GET DIAGNOSTICS deleted = ROW_COUNT;

    UPDATE public.skill_messages AS m
    SET message = '[erased]'
    WHERE m.tenant_id = v_tenant_id AND (m.from_user_id = user_id OR m.to_user_id = user_id);
    GET DIAGNOSTICS erased = ROW_COUNT;

    RETURN NEXT;
END;
$$;

COMMENT ON FUNCTION public.erase_user_messages(text) IS
'Erases the text of all that a user sent or received, and deletes what was never answered.
deleted: messages that are gone. erased: messages of which ids, skills, status and times stay.
Errors: SM001 no context; 22023 an argument is null.';

REVOKE ALL ON FUNCTION public.erase_user_messages(text) FROM public;
GRANT EXECUTE ON FUNCTION public.erase_user_messages(text) TO skill_messages_retention;
GRANT EXECUTE ON FUNCTION public.current_skill_message_tenant(text) TO skill_messages_retention;
GRANT EXECUTE ON FUNCTION public.raise_skill_message_violation(text, text, text, text)
TO skill_messages_retention;

COMMIT;
