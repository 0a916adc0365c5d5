-- Deploy skill_messages:operations/mark_message_read to pg
-- requires: private/raise_no_such_skill_message
-- requires: private/raise_read_only
-- requires: isolation/user_isolation
-- requires: rules/message_times
--
-- coalesce, not "WHERE read_at IS NULL": that condition would walk the index of unread messages.
-- The time stands in a variable: Citus refuses to compute it next to a column.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.mark_message_read(message_id text) RETURNS timestamptz
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
    v_now timestamptz := date_trunc('milliseconds', now());
    v_read_at timestamptz;
BEGIN
    IF current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('mark_message_read');
    END IF;

    UPDATE public.skill_messages AS m
    SET read_at = coalesce(m.read_at, v_now)
    WHERE m.tenant_id = v_tenant_id AND m.id = message_id COLLATE "default"
    RETURNING m.read_at INTO v_read_at;

    IF NOT FOUND THEN
        PERFORM skill_messages_private.raise_no_such_skill_message(message_id);
    END IF;

    RETURN v_read_at;
END;
$$;

COMMENT ON FUNCTION public.mark_message_read(text) IS
'Marks a received message as read and returns when it was first read; marking it again changes
nothing.
Errors: SM001 no context; SM002 no such message for this tenant and user; 25006 the transaction is
read-only; 40001 above READ COMMITTED: somebody else changed it meanwhile; 42501 the caller has the
rights of neither role.';

CALL skill_messages_private.revoke_from_all('public.mark_message_read(text)');
GRANT EXECUTE ON FUNCTION public.mark_message_read(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
