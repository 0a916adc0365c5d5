-- Verify skill_messages:private/add_foreign_key on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.add_foreign_key(text, text)',
    'IN name text, IN definition text',
    NULL,
    '{}'
);

ROLLBACK;
