-- Revert skill_messages:operations/get_skill_message from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.get_skill_message(text);

COMMIT;
