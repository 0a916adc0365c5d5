-- Verify skill_messages:operations/mark_message_read on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.mark_message_read(text)',
    'message_id text',
    'timestamp with time zone',
    '{app,service}'
);

ROLLBACK;
