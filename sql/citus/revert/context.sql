-- Revert skill_messages_citus:context from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

CALL skill_messages_private.restore_before_citus('context');
DROP FUNCTION IF EXISTS skill_messages_private.set_citus_context(text, text);

COMMIT;
