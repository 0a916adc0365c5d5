-- Revert skill_messages:operations/mark_message_read from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.mark_message_read(text);

COMMIT;
