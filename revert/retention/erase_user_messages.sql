-- Revert skill_messages:retention/erase_user_messages from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS public.erase_user_messages(text, boolean);

COMMIT;
