-- Revert skill_messages:private/new_skill_message_id from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.new_skill_message_id();

COMMIT;
