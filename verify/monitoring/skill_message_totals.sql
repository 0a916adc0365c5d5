-- Verify skill_messages:monitoring/skill_message_totals on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_view CONSTANT regclass := to_regclass('public.skill_message_totals');
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_class
        WHERE oid = v_view AND relkind = 'v' AND 'security_invoker=true' = ANY (reloptions)
    ) THEN
        RAISE EXCEPTION 'skill_message_totals is missing, or does not run as its caller';
    END IF;

    PERFORM skill_messages_private.verify_privileges(
        'public.skill_message_totals', 'pg_monitor', 'SELECT'
    );
    IF skill_messages_private.other_grantees('public.skill_message_totals', 'pg_monitor')
        IS NOT NULL THEN
        RAISE EXCEPTION 'skill_message_totals is not for pg_monitor alone';
    END IF;

    PERFORM messages, unread, sent, changed, deleted, table_bytes, index_bytes,
        last_vacuumed_at, last_analyzed_at
    FROM public.skill_message_totals;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'skill_message_totals is empty';
    END IF;
END;
$$;

ROLLBACK;
