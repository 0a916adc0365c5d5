-- Revert skill_messages:retention/delete_skill_messages from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.delete_skill_messages(
    text, timestamptz, integer, boolean, boolean, boolean
);

COMMIT;
