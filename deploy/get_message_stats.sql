-- Deploy skill_messages:get_message_stats to pg
-- requires: current_skill_message_tenant
-- requires: user_isolation
-- requires: time_of_answer
--
-- Counts every message of the tenant: for a dashboard, not for every page view.

BEGIN;

CREATE FUNCTION public.get_message_stats() RETURNS TABLE (
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
    v_tenant_id text := public.current_skill_message_tenant();
BEGIN
    RETURN QUERY
    SELECT
        count(*) FILTER (WHERE m.status = 'pending'),
        count(*) FILTER (WHERE m.status = 'accepted'),
        count(*) FILTER (WHERE m.status = 'declined'),
        count(*) FILTER (WHERE m.read_at IS NULL),
        min(m.created_at) FILTER (WHERE m.status = 'pending'),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY m.answered_at - m.created_at)
    FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id;
END;
$$;

COMMENT ON FUNCTION public.get_message_stats() IS
'The figures of the current tenant; for skill_messages_app, of what the signed-in user sent or
received. median_time_to_answer: from sending to accepting or declining.
Errors: SM001 no context.';

REVOKE ALL ON FUNCTION public.get_message_stats() FROM public;
GRANT EXECUTE ON FUNCTION public.get_message_stats() TO skill_messages_service, skill_messages_app;

COMMIT;
