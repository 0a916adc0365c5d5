-- Revert skill_messages:private/raise_skill_message_violation from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.raise_skill_message_violation(text, text, text);

COMMIT;
