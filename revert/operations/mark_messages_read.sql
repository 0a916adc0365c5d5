-- Revert skill_messages:operations/mark_messages_read from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS public.mark_messages_read(text, timestamptz, text[]);

COMMIT;
