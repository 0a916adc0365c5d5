-- Verify skill_messages:retention/erase_user_messages on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.erase_user_messages(text, boolean)',
    'user_id text, keep_decided boolean DEFAULT true',
    'TABLE(deleted bigint, erased bigint)',
    '{retention}'
);

ROLLBACK;
