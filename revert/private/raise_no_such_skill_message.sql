-- Revert skill_messages:private/raise_no_such_skill_message from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.raise_no_such_skill_message(text);

COMMIT;
