-- Verify skill_messages:operations/send_skill_messages on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.send_skill_messages(jsonb)',
    'messages jsonb',
    'text[]',
    '{app,service}'
);

ROLLBACK;
