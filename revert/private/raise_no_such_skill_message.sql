-- Revert skill_messages:private/raise_no_such_skill_message from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS skill_messages_private.raise_no_such_skill_message(text);

COMMIT;
