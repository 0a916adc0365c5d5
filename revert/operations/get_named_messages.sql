-- Revert skill_messages:operations/get_named_messages from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS public.get_named_messages_from_user(text, integer, timestamptz, text);
DROP FUNCTION IF EXISTS public.get_named_messages_for_user(text, integer, timestamptz, text);

COMMIT;
