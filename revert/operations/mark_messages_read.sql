-- Revert skill_messages:operations/mark_messages_read from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.mark_messages_read(text, timestamptz, text[]);

COMMIT;
