-- Revert skill_messages:private/other_grantees from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.other_grantees(text, text[]);

COMMIT;
