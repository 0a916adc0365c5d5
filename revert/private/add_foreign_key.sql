-- Revert skill_messages:private/add_foreign_key from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP PROCEDURE IF EXISTS skill_messages_private.add_foreign_key(text, text);

COMMIT;
