-- Revert skill_messages:tables/hidden_names from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.hidden_names();

COMMIT;
