-- Revert skill_messages:tables/host_names from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP VIEW IF EXISTS skill_messages_private.skill_names;
DROP VIEW IF EXISTS skill_messages_private.user_names;
DROP VIEW IF EXISTS skill_messages_private.tenant_names;

COMMIT;
