-- Deploy skill_messages:retention/purge_skill_messages to pg
-- requires: retention/delete_skill_messages
-- requires: private/check_skill_message_caller
-- requires: private/raise_read_only
-- requires: tables/host_tables
--
-- Commits after each batch, so call it outside a transaction. A procedure that commits can have no
-- SET clause: it sets the search_path itself, in every transaction anew.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE PROCEDURE public.purge_skill_messages(
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
    -- These names are looked up before the search_path is set.
    v_wrong pg_catalog.text;
    v_created_before pg_catalog.timestamptz;
    v_tenants pg_catalog.text[] := ARRAY[tenant_id];
    v_tenant_id pg_catalog.text;
    v_of_tenant bigint;
    v_batch bigint;
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp;

    PERFORM skill_messages_private.check_skill_message_caller(ARRAY['skill_messages_retention']);

    v_wrong := CASE
        WHEN (older_than BETWEEN interval '0' AND interval '1000 years') IS NOT TRUE
            THEN 'older_than is ' || coalesce(older_than::text, 'null')
        WHEN (batch_size >= 1) IS NOT TRUE
            THEN 'batch_size is ' || coalesce(batch_size::text, 'null')
        WHEN dry_run IS NULL THEN 'dry_run is null'
    END;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION '%', v_wrong
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give an age of 0 to 1000 years, batches of one or more, and no nulls.';
    ELSIF NOT dry_run AND current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('purge_skill_messages');
    END IF;

    IF tenant_id IS NULL THEN
        v_tenants := '{}';
        IF has_column_privilege('public.tenants', 'id', 'SELECT') THEN
            v_tenants := ARRAY(SELECT t.id FROM public.tenants AS t ORDER BY t.id);
        END IF;
        IF v_tenants = '{}' THEN
            RAISE EXCEPTION 'tenant_id: none given, and public.tenants shows % none', current_user
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'Give a tenant_id, or purge as a role that public.tenants '
                             'shows all tenants.';
        END IF;
    END IF;

    deleted := 0;
    v_created_before := now() - older_than;
    FOREACH v_tenant_id IN ARRAY v_tenants
    LOOP
        v_of_tenant := 0;
        LOOP
            v_batch := skill_messages_private.delete_skill_messages(v_tenant_id, v_created_before,
                batch_size, include_pending, include_unread, dry_run);
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
'Deletes messages that are old, answered and read, and says how many. It commits after each batch,
so call it outside a transaction.
older_than: the age since sending, 0 to 1000 years. batch_size: how many messages a transaction
deletes. tenant_id: the only tenant to purge; null means all that public.tenants shows to the
caller. include_pending, include_unread: it deletes those too. dry_run: it only counts.
Errors: SM005 the session has set another tenant; 22023 an argument is null or out of range; 25006
the transaction is read-only; 2D000 it was called within a transaction; 40001 above READ COMMITTED:
somebody else changed a message meanwhile; 42501 public.tenants shows the caller no tenant, or the
caller does not have the rights of skill_messages_retention.';

CALL skill_messages_private.revoke_from_all(
    'public.purge_skill_messages(interval, integer, text, boolean, boolean, boolean, bigint)'
);
GRANT EXECUTE ON PROCEDURE public.purge_skill_messages TO skill_messages_retention;

COMMIT;
