-- Deploy skill_messages:export_user_messages to pg
-- requires: current_skill_message_tenant
-- requires: raise_skill_message_violation
-- requires: user_isolation
--
-- Two halves, each by its own index, instead of one condition with an OR.

BEGIN;

CREATE FUNCTION public.export_user_messages(user_id text) RETURNS TABLE (line jsonb)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := public.current_skill_message_tenant(user_id);
BEGIN
    IF user_id IS NULL THEN
        PERFORM public.raise_skill_message_violation('23502', NULL, 'user_id');
    END IF;

    RETURN QUERY
    SELECT to_jsonb(m)
    FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id AND m.from_user_id = user_id;

    RETURN QUERY
    SELECT to_jsonb(m)
    FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id AND m.to_user_id = user_id AND m.from_user_id <> user_id;
END;
$$;

COMMENT ON FUNCTION public.export_user_messages(text) IS
'All that a user sent or received, one JSON object a line, with the columns of skill_messages as
keys: first what was sent, then what was received.
Errors: SM001 no context; 22023 an argument is null; 42501 user_id is not the signed-in user.';

REVOKE ALL ON FUNCTION public.export_user_messages(text) FROM public;
GRANT EXECUTE ON FUNCTION public.export_user_messages(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
