-- Revert skill_messages:operations/set_skill_message_context from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS public.set_skill_message_context(text, text);

COMMIT;
