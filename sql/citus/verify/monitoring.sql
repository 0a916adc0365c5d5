-- Verify skill_messages_citus:monitoring on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    IF pg_get_viewdef('public.skill_message_totals'::regclass)
        NOT LIKE '%run_command_on_shards%' THEN
        RAISE EXCEPTION 'skill_message_totals does not add up the shards';
    END IF;

    PERFORM FROM public.skill_message_totals;
END;
$$;

ROLLBACK;
