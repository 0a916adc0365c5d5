-- Revert skill_messages:private/check_revert from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP PROCEDURE IF EXISTS skill_messages_private.check_revert(text);
DROP PROCEDURE IF EXISTS skill_messages_private.rehearse_revert(boolean);

COMMIT;
