-- Deploy skill_messages:private/host_key_statements to pg
-- requires: private/revoke_from_all
--
-- A plain unique index is enough for a foreign key, and it can be built while the host reads and
-- writes. That needs single statements outside a transaction, which no function can run. So this
-- function returns the statements.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.host_key_statements(
    name text,
    wanted boolean DEFAULT true
) RETURNS SETOF text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_host CONSTANT regclass := to_regclass(format('public.%I', name));
    v_index CONSTANT text := name || '_skill_messages_key';
    -- Of a partitioned table it cannot be built so.
    v_concurrently CONSTANT text := (
        SELECT CASE relkind WHEN 'p' THEN '' ELSE 'CONCURRENTLY ' END
        FROM pg_class
        WHERE oid = v_host
    );
    v_valid boolean := (
        SELECT indisvalid
        FROM pg_index
        WHERE indrelid = v_host AND indexrelid = to_regclass(format('public.%I', v_index))
    );
BEGIN
    -- Interrupted, or ours to drop.
    IF NOT v_valid OR NOT wanted AND v_valid AND obj_description(
        to_regclass(format('public.%I', v_index)), 'pg_class'
    ) LIKE '%(created by skill_messages)' THEN
        RETURN NEXT format('DROP INDEX %spublic.%I', v_concurrently, v_index);
        v_valid := NULL;
    END IF;

    IF NOT wanted THEN
        RETURN;
    ELSIF NOT skill_messages_private.has_host_key(v_host) THEN
        RETURN NEXT format('CREATE UNIQUE INDEX %s%I ON public.%I (tenant_id, id)',
            v_concurrently, v_index, name);
        v_valid := true;
    END IF;

    IF v_valid THEN
        RETURN NEXT format('COMMENT ON INDEX public.%I IS %L', v_index,
            'What the foreign keys of skill_messages refer to (created by skill_messages)');
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.host_key_statements(text, boolean) IS
'The statements that give a table of the host the unique index that foreign keys need. Run them
outside a transaction. There are none if the table has such an index already.
name: users or skills. wanted: false for the statements that drop it.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.host_key_statements(text, boolean)'
);

COMMIT;
