-- Revert skill_messages:operations/send_skill_messages from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS public.send_skill_messages(jsonb);

COMMIT;
