-- Revert skill_messages:private/revoke_from_all from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP PROCEDURE IF EXISTS skill_messages_private.revoke_from_all(text);

COMMIT;
