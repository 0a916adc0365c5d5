-- Revert skill_messages:preflight from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.preflight();
DROP SCHEMA IF EXISTS skill_messages_private;

COMMIT;
