-- Revert skill_messages:monitoring/get_message_stats from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS public.get_message_stats();

COMMIT;
