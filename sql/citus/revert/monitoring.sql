-- Revert skill_messages_citus:monitoring from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

CALL skill_messages_private.restore_before_citus('monitoring');

COMMIT;
