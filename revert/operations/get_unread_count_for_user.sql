-- Revert skill_messages:operations/get_unread_count_for_user from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP FUNCTION IF EXISTS public.get_unread_count_for_user(text, bigint);

COMMIT;
