-- Verify skill_messages:skill_message_totals on pg

BEGIN;

DO $$
DECLARE
    v_view CONSTANT regclass := to_regclass('public.skill_message_totals');
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = v_view AND relkind = 'v' AND 'security_invoker=true' = ANY (reloptions)
    ) THEN
        RAISE EXCEPTION 'skill_message_totals is missing, or does not run as its caller';
    END IF;

    IF has_table_privilege('public', v_view, 'SELECT')
        OR NOT has_table_privilege('pg_monitor', v_view, 'SELECT') THEN
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
