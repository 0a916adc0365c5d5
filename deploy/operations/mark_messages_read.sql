-- Deploy skill_messages:operations/mark_messages_read to pg
-- requires: private/current_skill_message_tenant
-- requires: private/raise_skill_message_violation
-- requires: private/check_skill_message_caller
-- requires: private/raise_read_only
-- requires: isolation/user_isolation
-- requires: rules/message_times
--
-- It locks only the messages that it marks, so others go on sending to this inbox meanwhile. It
-- locks them in the order of the table, as the cascade from a deleted skill does: in another order
-- the two would deadlock. Then it updates them by id, not by ctid: a message that was answered
-- meanwhile has moved.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.mark_messages_read(
    user_id text DEFAULT NULL,
    up_to_created_at timestamptz DEFAULT NULL,
    message_ids text[] DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := skill_messages_private.current_skill_message_tenant('user_id', user_id);
    v_user_id text := coalesce(user_id, nullif(current_setting('app.current_user_id', true), ''));
    v_up_to timestamptz := coalesce(up_to_created_at, now());
    v_ids text[];
BEGIN
    IF v_user_id IS NULL THEN
        PERFORM skill_messages_private.raise_skill_message_violation('23502', NULL, 'user_id');
    ELSIF cardinality(message_ids) > 1000 THEN
        RAISE EXCEPTION 'message_ids has % elements', cardinality(message_ids)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give at most 1000 ids at once.';
    ELSIF current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('mark_messages_read');
    END IF;

    -- At once: where no policy lets the caller see a row, Citus fails to lock none of them.
    PERFORM skill_messages_private.check_skill_message_caller();

    IF message_ids IS NULL THEN
        v_ids := ARRAY(
            SELECT m.id
            FROM public.skill_messages AS m
            WHERE m.tenant_id = v_tenant_id AND m.to_user_id = v_user_id
                AND m.read_at IS NULL AND m.created_at <= v_up_to
            ORDER BY m.ctid
            FOR UPDATE
        );
    ELSE
        v_ids := ARRAY(
            SELECT m.id
            FROM public.skill_messages AS m
            WHERE m.tenant_id = v_tenant_id AND m.to_user_id = v_user_id
                AND m.id = ANY (message_ids COLLATE "default") AND m.read_at IS NULL
                AND (up_to_created_at IS NULL OR m.created_at <= up_to_created_at)
            ORDER BY m.ctid
            FOR UPDATE
        );
    END IF;

    IF v_ids = '{}' THEN
        RETURN 0::bigint;
    END IF;

    UPDATE public.skill_messages AS m
    SET read_at = date_trunc('milliseconds', now())
    WHERE m.tenant_id = v_tenant_id AND m.id = ANY (v_ids);

    RETURN cardinality(v_ids)::bigint;
END;
$$;

COMMENT ON FUNCTION public.mark_messages_read(text, timestamptz, text[]) IS
'Marks several messages that a user received as read and returns how many were unread.
user_id: the user in the context, if null. message_ids: the messages that were on the screen, at
most 1000. It marks exactly these. up_to_created_at: without message_ids, it marks all messages up
to this time. Give the time of the newest message on the screen; null means now. This is
approximate: it also marks a message that was sent before that time and became visible only
afterwards. Given both, it marks those of message_ids that are not newer than up_to_created_at.
Errors: SM001 no context; 22023 too many ids, or no user is given and none in the context; 25006 the
transaction is read-only; 40001 above READ COMMITTED: somebody else changed one meanwhile; 42501
user_id is not the signed-in user, or the caller has the rights of neither role.';

CALL skill_messages_private.revoke_from_all(
    'public.mark_messages_read(text, timestamptz, text[])'
);
GRANT EXECUTE ON FUNCTION public.mark_messages_read(text, timestamptz, text[])
TO skill_messages_service, skill_messages_app;

COMMIT;
