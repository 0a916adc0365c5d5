-- Verify skill_messages:private/check_skill_message_page on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.check_skill_message_page(text, integer, timestamptz, text)',
    'user_id text, max_messages integer, before_created_at timestamp with time zone, before_id '
    'text',
    'void',
    '{app,service}',
    'stable'
);

ROLLBACK;
