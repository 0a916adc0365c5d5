-- Revert skill_messages:operations/set_skill_message_context from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.set_skill_message_context(text, text);

COMMIT;
