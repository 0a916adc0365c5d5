-- Deploy skill_messages:purge_skill_messages to pg
-- requires: delete_skill_messages
-- requires: host_tables
--
-- Commits after each batch, so call it outside a transaction. A procedure that commits can have no
-- SET clause: it sets the search_path itself, in every transaction anew.

BEGIN;

CREATE PROCEDURE public.purge_skill_messages(
    older_than interval,
    batch_size integer DEFAULT 1000,
    tenant_id text DEFAULT NULL,
    include_pending boolean DEFAULT FALSE,
    include_unread boolean DEFAULT FALSE,
    dry_run boolean DEFAULT FALSE,
    INOUT deleted bigint DEFAULT 0
)
LANGUAGE plpgsql
SECURITY INVOKER
AS $$
DECLARE
    v_created_before timestamptz;
    v_tenants text[] := ARRAY[tenant_id];
    v_tenant_id text;
    v_of_tenant bigint;
    v_batch bigint;
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp;

    IF (older_than >= interval '0' AND batch_size >= 1 AND dry_run IS NOT NULL) IS NOT TRUE THEN
        RAISE EXCEPTION 'older_than is %, batch_size %, dry_run %', older_than, batch_size, dry_run
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give an age of zero or more, batches of one or more, and no nulls.';
    END IF;

    IF tenant_id IS NULL THEN
        v_tenants := '{}';
        IF has_column_privilege('public.tenants', 'id', 'SELECT') THEN
            v_tenants := ARRAY(SELECT t.id FROM public.tenants AS t ORDER BY t.id);
        END IF;
        IF v_tenants = '{}' THEN
            RAISE EXCEPTION 'tenant_id: none given, and public.tenants shows % none', current_user
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'Name one, or purge as a role whom public.tenants shows them all.';
        END IF;
    END IF;

    deleted := 0;
    v_created_before := now() - older_than;
    FOREACH v_tenant_id IN ARRAY v_tenants
    LOOP
        v_of_tenant := 0;
        LOOP
            v_batch := public.delete_skill_messages(v_tenant_id, v_created_before, batch_size,
                include_pending, include_unread, dry_run);
            v_of_tenant := v_of_tenant + v_batch;
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
            EXIT WHEN dry_run OR v_batch < batch_size;
        END LOOP;

        RAISE NOTICE 'tenant %: % messages %', v_tenant_id, v_of_tenant,
            CASE WHEN dry_run THEN 'to delete' ELSE 'deleted' END;
        deleted := deleted + v_of_tenant;
    END LOOP;
END;
$$;

COMMENT ON PROCEDURE public.purge_skill_messages IS
'Deletes messages that are old, answered and read, and says how many. Each batch commits: call it
outside a transaction.
older_than: since they were sent. batch_size: messages a transaction. tenant_id: this one only, or
null for all that public.tenants shows. include_pending, include_unread: those too. dry_run: only
count.
Errors: 22023 an argument is null or out of range; 42501 public.tenants shows the caller none.';

REVOKE ALL ON PROCEDURE public.purge_skill_messages FROM public;
GRANT EXECUTE ON PROCEDURE public.purge_skill_messages TO skill_messages_retention;

COMMIT;
