-- Revert skill_messages:get_unread_count_for_user from pg

BEGIN;

DROP FUNCTION public.get_unread_count_for_user(text, bigint);

COMMIT;
