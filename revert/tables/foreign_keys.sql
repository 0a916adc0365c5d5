-- Revert skill_messages:tables/foreign_keys from pg
--
-- Each locks a table of the host, so each is a transaction of its own.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks(
    'ALTER TABLE IF EXISTS public.skill_messages '
    'DROP CONSTRAINT IF EXISTS skill_messages_proposed_parent_skill_id_fkey'
);

COMMIT;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks(
    'ALTER TABLE IF EXISTS public.skill_messages '
    'DROP CONSTRAINT IF EXISTS skill_messages_subject_skill_id_fkey'
);

COMMIT;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks(
    'ALTER TABLE IF EXISTS public.skill_messages '
    'DROP CONSTRAINT IF EXISTS skill_messages_to_user_id_fkey'
);

COMMIT;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks(
    'ALTER TABLE IF EXISTS public.skill_messages '
    'DROP CONSTRAINT IF EXISTS skill_messages_from_user_id_fkey'
);

COMMIT;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks(
    'ALTER TABLE IF EXISTS public.skill_messages '
    'DROP CONSTRAINT IF EXISTS skill_messages_tenant_id_fkey'
);

COMMIT;
