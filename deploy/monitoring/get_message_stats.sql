-- Deploy skill_messages:monitoring/get_message_stats to pg
-- requires: private/current_skill_message_tenant
-- requires: private/check_skill_message_caller
-- requires: isolation/user_isolation
--
-- Counts every message of the tenant: for a dashboard, not for every page view.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.get_message_stats() RETURNS TABLE (
    pending bigint,
    accepted bigint,
    declined bigint,
    unread bigint,
    oldest_pending_created_at timestamptz,
    median_time_to_answer interval
)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := skill_messages_private.current_skill_message_tenant();
BEGIN
    SELECT
        count(*) FILTER (WHERE m.status = 'pending'),
        count(*) FILTER (WHERE m.status = 'accepted'),
        count(*) FILTER (WHERE m.status = 'declined'),
        count(*) FILTER (WHERE m.read_at IS NULL),
        min(m.created_at) FILTER (WHERE m.status = 'pending'),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY m.answered_at - m.created_at)
    INTO
        pending, accepted, declined, unread, oldest_pending_created_at, median_time_to_answer
    FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id;

    IF pending + accepted + declined = 0 THEN
        PERFORM skill_messages_private.check_skill_message_caller();
    END IF;

    RETURN NEXT;
END;
$$;

COMMENT ON FUNCTION public.get_message_stats() IS
'The figures of the current tenant. For skill_messages_app they are about the messages that the
signed-in user sent or received. median_time_to_answer: from sending to accepting or declining.
Errors: SM001 no context; 42501 the caller has the rights of neither role.';

CALL skill_messages_private.revoke_from_all('public.get_message_stats()');
GRANT EXECUTE ON FUNCTION public.get_message_stats() TO skill_messages_service, skill_messages_app;

COMMIT;
