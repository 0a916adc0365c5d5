-- Revert skill_messages_citus:roles from pg
--
-- The roles stay on the workers: other databases may use them there.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

DROP FUNCTION IF EXISTS skill_messages_private.citus_roles();

COMMIT;
