-- Revert skill_messages:operations/update_message_status from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.update_message_status(text, text);

COMMIT;
