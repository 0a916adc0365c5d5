-- Deploy skill_messages:mark_messages_read to pg
-- requires: current_skill_message_tenant
-- requires: raise_skill_message_violation
-- requires: user_isolation
-- requires: message_life
--
-- Locks the messages that it marks and nothing else: others go on sending to this inbox meanwhile.

BEGIN;

CREATE FUNCTION public.mark_messages_read(
    user_id text,
    up_to_created_at timestamptz DEFAULT now()
) RETURNS bigint
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := public.current_skill_message_tenant(user_id);
    v_marked bigint;
BEGIN
    IF user_id IS NULL OR up_to_created_at IS NULL THEN
        PERFORM public.raise_skill_message_violation('23502', NULL,
            CASE WHEN user_id IS NULL THEN 'user_id' ELSE 'up_to_created_at' END);
    END IF;

    UPDATE public.skill_messages AS m
    SET read_at = now()
    WHERE m.tenant_id = v_tenant_id AND m.to_user_id = user_id
        AND m.read_at IS NULL AND m.created_at <= up_to_created_at;

    GET DIAGNOSTICS v_marked = ROW_COUNT;
    RETURN v_marked;
END;
$$;

COMMENT ON FUNCTION public.mark_messages_read(text, timestamptz) IS
'Marks all that a user received up to a moment as read and returns how many were unread.
up_to_created_at: give the created_at of the newest message on the screen, so that what arrived
since stays unread.
Errors: SM001 no context; 22023 an argument is null; 42501 user_id is not the signed-in user.';

REVOKE ALL ON FUNCTION public.mark_messages_read(text, timestamptz) FROM public;
GRANT EXECUTE ON FUNCTION public.mark_messages_read(text, timestamptz)
TO skill_messages_service, skill_messages_app;

COMMIT;
