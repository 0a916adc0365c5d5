-- Revert skill_messages:private/acts_as_app from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS skill_messages_private.acts_as_app();

COMMIT;
