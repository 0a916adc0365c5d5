-- Verify skill_messages_citus:context on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    IF pg_get_functiondef('public.set_skill_message_context(text, text)'::regprocedure)
        NOT LIKE '%PERFORM skill_messages_private.set_citus_context(%' THEN
        RAISE EXCEPTION 'set_skill_message_context() does not reach the workers';
    ELSIF current_setting('citus.propagate_set_commands') <> 'local' THEN
        RAISE EXCEPTION 'citus.propagate_set_commands is %',
            current_setting('citus.propagate_set_commands');
    END IF;
END;
$$;

ROLLBACK;
