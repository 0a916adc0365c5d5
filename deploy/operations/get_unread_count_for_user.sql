-- Deploy skill_messages:operations/get_unread_count_for_user to pg
-- requires: private/current_skill_message_tenant
-- requires: private/raise_skill_message_violation
-- requires: private/check_skill_message_caller
-- requires: isolation/user_isolation
--
-- For a badge that says "99+", ask for at_most => 100: a LIMIT stops the scan there. Two queries,
-- since LIMIT NULL, though it means no limit, made the count of a large inbox three times as slow.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.get_unread_count_for_user(
    user_id text DEFAULT NULL,
    at_most bigint DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
    v_user_id text := coalesce(user_id, nullif(current_setting('app.current_user_id', true), ''));
    v_unread bigint;
BEGIN
    IF (
        v_tenant_id <> ''
        AND v_user_id <> '' AND v_user_id = current_setting('app.current_user_id', true)
    ) IS NOT TRUE THEN
        PERFORM skill_messages_private.current_skill_message_tenant('user_id', user_id);
    END IF;

    IF v_user_id IS NULL THEN
        PERFORM skill_messages_private.raise_skill_message_violation('23502', NULL, 'user_id');
    ELSIF at_most < 1 THEN
        RAISE EXCEPTION 'at_most is %', at_most
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Count to 1 or more, or leave it out to count all.';
    END IF;

    IF at_most IS NULL THEN
        v_unread := (
            SELECT count(*)
            FROM public.skill_messages AS m
            WHERE m.tenant_id = v_tenant_id AND m.to_user_id = v_user_id AND m.read_at IS NULL
        );
    ELSE
        v_unread := (
            SELECT count(*)
            FROM (
                SELECT
                FROM public.skill_messages AS m
                WHERE m.tenant_id = v_tenant_id AND m.to_user_id = v_user_id AND m.read_at IS NULL
                LIMIT at_most
            ) AS unread
        );
    END IF;

    -- Most counts are 0: this checks the common case without a call.
    IF v_unread = 0 AND NOT (
        pg_has_role('skill_messages_app', 'USAGE')
        OR pg_has_role('skill_messages_service', 'USAGE')
    ) THEN
        PERFORM skill_messages_private.check_skill_message_caller();
    END IF;

    RETURN v_unread;
END;
$$;

COMMENT ON FUNCTION public.get_unread_count_for_user(text, bigint) IS
'How many messages a user received and has not read.
user_id: the user in the context, if null. at_most: where it stops counting, 1 or more; null counts
all.
Errors: SM001 no context; 22023 an argument is out of range, or no user is given and none in the
context; 42501 user_id is not the signed-in user, or the caller has the rights of neither role.';

CALL skill_messages_private.revoke_from_all('public.get_unread_count_for_user(text, bigint)');
GRANT EXECUTE ON FUNCTION public.get_unread_count_for_user(text, bigint)
TO skill_messages_service, skill_messages_app;

COMMIT;
