-- Revert skill_messages:operations/get_unread_count_for_user from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP FUNCTION IF EXISTS public.get_unread_count_for_user(text, bigint);

COMMIT;
