-- Deploy skill_messages:private/raise_read_only to pg
-- requires: roles
-- requires: private/revoke_from_all

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.raise_read_only(operation text) RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%: the transaction is read-only', operation
        USING ERRCODE = 'read_only_sql_transaction',
              HINT = CASE WHEN pg_is_in_recovery()
                  THEN 'This is a standby: call it on the primary server.'
                  ELSE 'Call it in a READ WRITE transaction.' END;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.raise_read_only(text) IS
'Raises the error that an operation needs to write in a read-only transaction.
operation: the name of the function that was called.
Errors: 25006 always.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.raise_read_only(text)');
GRANT EXECUTE ON FUNCTION skill_messages_private.raise_read_only(text)
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
