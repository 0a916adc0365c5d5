-- Revert skill_messages:private/check_skill_message_page from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.check_skill_message_page(
    text, integer, timestamptz, text
);

COMMIT;
