-- Revert skill_messages:monitoring/get_message_stats from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.get_message_stats();

COMMIT;
