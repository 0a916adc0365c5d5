-- Deploy skill_messages:mark_message_read to pg
-- requires: user_isolation
-- requires: message_life
-- requires: raise_no_such_skill_message
--
-- coalesce, not "WHERE read_at IS NULL": that condition would walk the index of unread messages.

BEGIN;

CREATE FUNCTION public.mark_message_read(message_id text) RETURNS timestamptz
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
    v_read_at timestamptz;
BEGIN
    UPDATE public.skill_messages AS m
    SET read_at = coalesce(m.read_at, now())
    WHERE m.tenant_id = v_tenant_id AND m.id = message_id COLLATE "C"
    RETURNING m.read_at INTO v_read_at;

    IF NOT FOUND THEN
        PERFORM public.raise_no_such_skill_message(message_id);
    END IF;

    RETURN v_read_at;
END;
$$;

COMMENT ON FUNCTION public.mark_message_read(text) IS
'Marks a received message as read and returns when it was first read; marking it again changes
nothing.
Errors: SM001 no context; SM002 no such message for this tenant and user.';

REVOKE ALL ON FUNCTION public.mark_message_read(text) FROM public;
GRANT EXECUTE ON FUNCTION public.mark_message_read(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
