-- Revert skill_messages:private/check_skill_message_retry from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS skill_messages_private.check_skill_message_retry(
    text, text, text, text, text, text, text
);

COMMIT;
