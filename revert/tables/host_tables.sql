-- Revert skill_messages:tables/host_tables from pg
--
-- Drops what the deploy script created and marked as such, nothing else, and nothing that others
-- depend on.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '5s';

DO $$
DECLARE
    v_table text;
    v_index text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['skills', 'users', 'tenants']
    LOOP
        IF obj_description(to_regclass('public.' || v_table), 'pg_class')
            LIKE '%(created by skill_messages)' THEN
            EXECUTE format('DROP TABLE public.%I', v_table);
            CONTINUE;
        END IF;

        FOR v_index IN
            SELECT i.indexrelid::regclass
            FROM pg_index AS i
            WHERE i.indrelid = to_regclass('public.' || v_table)
                AND obj_description(i.indexrelid, 'pg_class') LIKE '%(created by skill_messages)'
        LOOP
            EXECUTE format('DROP INDEX %s', v_index);
        END LOOP;
    END LOOP;
END;
$$;

COMMIT;
