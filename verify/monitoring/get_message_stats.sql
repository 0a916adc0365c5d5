-- Verify skill_messages:monitoring/get_message_stats on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.get_message_stats()',
    '',
    'TABLE(pending bigint, accepted bigint, declined bigint, unread bigint, '
    'oldest_pending_created_at timestamp with time zone, median_time_to_answer interval)',
    '{app,service}',
    'stable'
);

ROLLBACK;
