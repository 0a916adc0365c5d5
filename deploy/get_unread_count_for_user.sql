-- Deploy skill_messages:get_unread_count_for_user to pg
-- requires: current_skill_message_tenant
-- requires: raise_skill_message_violation
-- requires: user_isolation
--
-- For a badge that says "99+", ask for at_most => 100: a LIMIT stops the scan there. Two queries,
-- since LIMIT NULL, though it means no limit, made the count of a large inbox three times as slow.

BEGIN;

CREATE FUNCTION public.get_unread_count_for_user(
    user_id text,
    at_most bigint DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
BEGIN
    IF (
        v_tenant_id <> ''
        AND user_id <> '' AND user_id = current_setting('app.current_user_id', true)
    ) IS NOT TRUE THEN
        PERFORM public.current_skill_message_tenant(user_id);
    END IF;

    IF user_id IS NULL THEN
        PERFORM public.raise_skill_message_violation('23502', NULL, 'user_id');
    ELSIF at_most < 1 THEN
        RAISE EXCEPTION 'at_most is %', at_most
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Count to 1 or more, or leave it out to count all.';
    END IF;

    IF at_most IS NULL THEN
        RETURN (
            SELECT count(*)
            FROM public.skill_messages AS m
            WHERE m.tenant_id = v_tenant_id AND m.to_user_id = user_id AND m.read_at IS NULL
        );
    END IF;

    RETURN (
        SELECT count(*)
        FROM (
            SELECT
            FROM public.skill_messages AS m
            WHERE m.tenant_id = v_tenant_id AND m.to_user_id = user_id AND m.read_at IS NULL
            LIMIT at_most
        ) AS unread
    );
END;
$$;

COMMENT ON FUNCTION public.get_unread_count_for_user(text, bigint) IS
'How many messages a user received and has not read.
at_most: stop counting there, 1 or more; null counts all.
Errors: SM001 no context; 22023 an argument is null or out of range; 42501 user_id is not the
signed-in user.';

REVOKE ALL ON FUNCTION public.get_unread_count_for_user(text, bigint) FROM public;
GRANT EXECUTE ON FUNCTION public.get_unread_count_for_user(text, bigint)
TO skill_messages_service, skill_messages_app;

COMMIT;
