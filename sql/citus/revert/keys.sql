-- Revert skill_messages_citus:keys from pg
--
-- If two tenants have used the same value meanwhile, the key of the host cannot come back: then the
-- error names the value, and nothing is undone.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

CALL skill_messages_private.short_locks(
    'LOCK TABLE public.tenants, public.users, public.skills, public.skill_messages'
);
CALL skill_messages_private.restore_before_citus('keys');

COMMIT;
