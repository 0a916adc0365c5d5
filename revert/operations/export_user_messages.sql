-- Revert skill_messages:operations/export_user_messages from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.export_user_messages(text);

COMMIT;
