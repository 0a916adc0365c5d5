-- Revert skill_messages:private/verify_function from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.verify_function(text, text, text, text[], text);

COMMIT;
