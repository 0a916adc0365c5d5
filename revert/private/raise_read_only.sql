-- Revert skill_messages:private/raise_read_only from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.raise_read_only(text);

COMMIT;
