-- Revert skill_messages_citus:preflight from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

DROP PROCEDURE IF EXISTS skill_messages_private.own_citus_function(text);
DROP PROCEDURE IF EXISTS skill_messages_private.restore_before_citus(text);
DROP FUNCTION IF EXISTS skill_messages_private.keep_before_citus(text, text[]);
DROP TABLE IF EXISTS skill_messages_private.before_citus;
DROP FUNCTION IF EXISTS skill_messages_private.check_citus();
DROP FUNCTION IF EXISTS skill_messages_private.citus_keys();
DROP FUNCTION IF EXISTS skill_messages_private.citus_tables();

COMMIT;
