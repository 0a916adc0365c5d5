-- Verify skill_messages:time_of_answer on pg

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_trigger AS t
        INNER JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        WHERE t.tgrelid = to_regclass('public.skill_messages')
            AND t.tgname = 'time_of_answer'
            AND t.tgenabled = 'O'
            AND pg_get_triggerdef(t.oid) LIKE
                    '% BEFORE UPDATE ON public.skill_messages FOR EACH ROW WHEN '
                    '(((old.status = ''pending''::text) AND (new.status <> ''pending''::text))) %'
            AND p.oid = to_regprocedure('public.note_time_of_skill_message_answer()')
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'time_of_answer is missing, disabled or different, or its security is';
    END IF;
END;
$$;

ROLLBACK;
