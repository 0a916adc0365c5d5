-- Revert skill_messages:tables/host_tables from pg
--
-- Drops what the deploy script created and marked as such, nothing else, and nothing that others
-- depend on.

CALL skill_messages_private.begin_change();

\if :{?messages}
\else
\set messages ''
\endif

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.check_revert(replace(:'messages', 'keep', ''));

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['skills', 'users', 'tenants']
    LOOP
        IF obj_description(to_regclass('public.' || v_table), 'pg_class')
            LIKE '%(created by skill_messages)' THEN
            CALL skill_messages_private.short_locks(format('DROP TABLE public.%I', v_table));
        END IF;
    END LOOP;
END;
$$;

COMMIT;
