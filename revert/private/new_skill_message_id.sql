-- Revert skill_messages:private/new_skill_message_id from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS skill_messages_private.new_skill_message_id();

COMMIT;
