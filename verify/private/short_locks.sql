-- Verify skill_messages:private/short_locks on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.short_locks(text)', 'IN statement text', NULL, '{}'
);

ROLLBACK;
