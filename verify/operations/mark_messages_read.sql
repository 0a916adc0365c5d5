-- Verify skill_messages:operations/mark_messages_read on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.mark_messages_read(text, timestamptz, text[])',
    'user_id text DEFAULT NULL::text, up_to_created_at timestamp with time zone DEFAULT '
    'NULL::timestamp with time zone, message_ids text[] DEFAULT NULL::text[]',
    'bigint',
    '{app,service}'
);

ROLLBACK;
