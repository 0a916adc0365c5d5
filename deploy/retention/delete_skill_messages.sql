-- Deploy skill_messages:retention/delete_skill_messages to pg
-- requires: isolation/retention_access
-- requires: operations/set_skill_message_context
--
-- One batch of a purge: what a transaction deletes. It skips what somebody else has locked; the
-- next purge will find it.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.delete_skill_messages(
    tenant_id text,
    created_before timestamptz,
    batch_size integer,
    include_pending boolean,
    include_unread boolean,
    dry_run boolean
) RETURNS bigint
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := tenant_id;
    v_deleted bigint;
BEGIN
    PERFORM public.set_skill_message_context(v_tenant_id);

    -- A null argument must not delete.
    IF dry_run IS NOT FALSE THEN
        RETURN (
            SELECT count(*)
            FROM public.skill_messages AS m
            WHERE m.tenant_id = v_tenant_id AND m.created_at < created_before
                AND (include_pending OR m.status <> 'pending')
                AND (include_unread OR m.read_at IS NOT NULL)
        );
    END IF;

    DELETE FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id AND m.id = ANY (ARRAY(
        SELECT old.id
        FROM public.skill_messages AS old
        WHERE old.tenant_id = v_tenant_id AND old.created_at < created_before
            AND (include_pending OR old.status <> 'pending')
            AND (include_unread OR old.read_at IS NOT NULL)
        LIMIT greatest(batch_size, 0)
        FOR UPDATE SKIP LOCKED
    ));

    GET DIAGNOSTICS v_deleted = ROW_COUNT;
    RETURN v_deleted;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.delete_skill_messages IS
'For purge_skill_messages(): deletes a batch of old messages of a tenant and returns how many.
created_before: it deletes older ones. batch_size: it deletes at most so many. include_pending,
include_unread: it deletes those too. dry_run: it counts all that a purge would delete, and deletes
nothing.
Errors: SM001 no tenant given; SM005 the transaction acts for another tenant.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.delete_skill_messages('
    'text, timestamptz, integer, boolean, boolean, boolean)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.delete_skill_messages
TO skill_messages_retention;

COMMIT;
