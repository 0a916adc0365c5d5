-- Revert skill_messages:retention/delete_skill_messages from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS skill_messages_private.delete_skill_messages(
    text, timestamptz, integer, boolean, boolean, boolean
);

COMMIT;
