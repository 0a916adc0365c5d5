-- Revert skill_messages:preflight from pg

-- Outside the transaction, as in every script; after this one there is none to call.
DO $$
BEGIN
    IF pg_catalog.to_regprocedure('skill_messages_private.begin_change()') IS NOT NULL THEN
        CALL skill_messages_private.begin_change();
    END IF;
END;
$$;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS skill_messages_private.preflight();
DROP FUNCTION IF EXISTS skill_messages_private.operations();
DROP FUNCTION IF EXISTS skill_messages_private.has_host_key(regclass);
DROP PROCEDURE IF EXISTS skill_messages_private.begin_change();
DROP SCHEMA IF EXISTS skill_messages_private;

COMMIT;
