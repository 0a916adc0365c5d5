-- Verify skill_messages:operations/get_unread_count_for_user on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.get_unread_count_for_user(text, bigint)',
    'user_id text DEFAULT NULL::text, at_most bigint DEFAULT NULL::bigint',
    'bigint',
    '{app,service}',
    'stable'
);

ROLLBACK;
