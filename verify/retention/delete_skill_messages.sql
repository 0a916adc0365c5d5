-- Verify skill_messages:retention/delete_skill_messages on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.delete_skill_messages(text, timestamptz, integer, boolean, boolean, '
    'boolean)',
    'tenant_id text, created_before timestamp with time zone, batch_size integer, '
    'include_pending boolean, include_unread boolean, dry_run boolean',
    'bigint',
    '{retention}'
);

ROLLBACK;
