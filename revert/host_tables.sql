-- Revert skill_messages:host_tables from pg
--
-- Drops what the deploy script created and marked as such, nothing else, and nothing that others
-- depend on.

BEGIN;

DO $$
DECLARE
    v_table text;
    v_constraint name;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['skills', 'users', 'tenants']
    LOOP
        IF obj_description(to_regclass('public.' || v_table), 'pg_class')
            LIKE '%(created by skill_messages)' THEN
            EXECUTE format('DROP TABLE public.%I', v_table);
            CONTINUE;
        END IF;

        SELECT conname
        INTO v_constraint
        FROM pg_catalog.pg_constraint
        WHERE conrelid = to_regclass('public.' || v_table)
            AND obj_description(oid, 'pg_constraint') LIKE '%(created by skill_messages)';

        IF FOUND THEN
            EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', v_table, v_constraint);
        END IF;
    END LOOP;
END;
$$;

COMMIT;
