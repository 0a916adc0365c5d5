-- Revert skill_messages:private/verify_function from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS skill_messages_private.verify_function(text, text, text, text[], text);

COMMIT;
