-- Verify skill_messages:monitoring/skill_message_totals on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_view CONSTANT regclass := to_regclass('public.skill_message_totals');
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.nspowner = c.relowner
        WHERE c.oid = v_view AND c.relkind = 'v' AND 'security_invoker=true' = ANY (c.reloptions)
            AND n.nspname = 'skill_messages_private'
    ) THEN
        RAISE EXCEPTION 'skill_message_totals is missing, does not run as its caller, or has '
            'another owner than the schema skill_messages_private';
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
