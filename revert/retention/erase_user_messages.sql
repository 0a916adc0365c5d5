-- Revert skill_messages:retention/erase_user_messages from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.erase_user_messages(text, boolean);

COMMIT;
