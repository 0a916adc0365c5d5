-- Revert skill_messages:private/current_skill_message_tenant from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.current_skill_message_tenant(text, text);

COMMIT;
