-- Verify skill_messages:retention/purge_skill_messages on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.purge_skill_messages(interval, integer, text, boolean, boolean, boolean, bigint)',
    'IN older_than interval, IN batch_size integer DEFAULT 1000, IN tenant_id text DEFAULT '
    'NULL::text, IN include_pending boolean DEFAULT false, IN include_unread boolean DEFAULT '
    'false, IN dry_run boolean DEFAULT false, INOUT deleted bigint DEFAULT 0',
    NULL,
    '{retention}'
);

ROLLBACK;
