-- Revert skill_messages:private/verify_trigger from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.verify_trigger(text, text, text);

COMMIT;
