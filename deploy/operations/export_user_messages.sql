-- Deploy skill_messages:operations/export_user_messages to pg
-- requires: private/current_skill_message_tenant
-- requires: private/raise_skill_message_violation
-- requires: private/check_skill_message_caller
-- requires: isolation/user_isolation
--
-- Two halves, each by its own index, instead of one condition with an OR.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.export_user_messages(user_id text DEFAULT NULL)
RETURNS TABLE (line jsonb)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := skill_messages_private.current_skill_message_tenant('user_id', user_id);
    v_user_id text := coalesce(user_id, nullif(current_setting('app.current_user_id', true), ''));
    v_found boolean;
BEGIN
    IF v_user_id IS NULL THEN
        PERFORM skill_messages_private.raise_skill_message_violation('23502', NULL, 'user_id');
    END IF;

    RETURN QUERY
    SELECT to_jsonb(m)
    FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id AND m.from_user_id = v_user_id;
    v_found := FOUND;

    RETURN QUERY
    SELECT to_jsonb(m)
    FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id AND m.to_user_id = v_user_id AND m.from_user_id <> v_user_id;

    IF NOT (FOUND OR v_found) THEN
        PERFORM skill_messages_private.check_skill_message_caller();
    END IF;
END;
$$;

COMMENT ON FUNCTION public.export_user_messages(text) IS
'All messages that a user sent or received: one JSON object per line, with the columns of
skill_messages as keys. The sent messages come first, then the received ones.
user_id: the user in the context, if null.
Errors: SM001 no context; 22023 no user is given and none in the context; 42501 user_id is not the
signed-in user, or the caller has the rights of neither role.';

CALL skill_messages_private.revoke_from_all('public.export_user_messages(text)');
GRANT EXECUTE ON FUNCTION public.export_user_messages(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
