-- Revert skill_messages:operations/send_skill_message from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.send_skill_message(text, text, text, text, text, text);

COMMIT;
