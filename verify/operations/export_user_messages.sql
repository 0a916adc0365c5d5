-- Verify skill_messages:operations/export_user_messages on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.export_user_messages(text)',
    'user_id text DEFAULT NULL::text',
    'TABLE(line jsonb)',
    '{app,service}',
    'stable'
);

ROLLBACK;
