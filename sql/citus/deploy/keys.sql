-- Deploy skill_messages_citus:keys to pg
-- requires: preflight
--
-- Citus keeps a key unique within a shard, so every unique key needs the tenant. The keys of the
-- package have it. Those of the host get it here: what was unique in the whole database is unique
-- within a tenant from now on. preflight has named them.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

CALL skill_messages_private.short_locks(
    'LOCK TABLE public.tenants, public.users, public.skills, public.skill_messages'
);

DO $do$
DECLARE
    v_key record;
    v_drop text;
    v_create text;
    v_statements text[] := ARRAY[]::text[];
BEGIN
    FOR v_key IN
        SELECT
            k.*, t.tenant_column,
            obj_description(coalesce(c.oid, i.oid), CASE WHEN c.oid IS NULL THEN 'pg_class'
                ELSE 'pg_constraint' END) AS comment
        FROM skill_messages_private.citus_keys() AS k
        INNER JOIN skill_messages_private.citus_tables() AS t ON k.relation = t.relation
        INNER JOIN pg_class AS i
            ON k.name = i.relname AND i.relnamespace = 'public'::regnamespace
        LEFT JOIN pg_constraint AS c ON c.conindid = i.oid AND c.contype IN ('p', 'u')
    LOOP
        IF v_key.is_constraint THEN
            v_drop := format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I',
                v_key.relation, v_key.name);
            v_create := format('ALTER TABLE %s ADD CONSTRAINT %I ', v_key.relation, v_key.name)
                || v_key.definition;
        ELSE
            v_drop := format('DROP INDEX IF EXISTS public.%I', v_key.name);
            v_create := v_key.definition;
        END IF;

        v_statements := v_statements || ARRAY[v_drop, v_create];
        IF v_key.comment IS NOT NULL THEN
            v_statements := v_statements || format(
                CASE WHEN v_key.is_constraint THEN 'COMMENT ON CONSTRAINT %2$I ON %1$s IS %3$L'
                ELSE 'COMMENT ON INDEX public.%2$I IS %3$L' END,
                v_key.relation, v_key.name, v_key.comment);
        END IF;

        EXECUTE v_drop;
        -- The list of the columns is the first in parentheses.
        EXECUTE regexp_replace(v_create, '\(([^()]*)\)', format('(\1, %I)', v_key.tenant_column));
    END LOOP;

    PERFORM skill_messages_private.keep_before_citus('keys', v_statements);
END;
$do$;

COMMIT;
