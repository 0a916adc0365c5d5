-- Verify skill_messages:private/raise_read_only on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.raise_read_only(text)',
    'operation text',
    'void',
    '{app,retention,service}'
);

ROLLBACK;
