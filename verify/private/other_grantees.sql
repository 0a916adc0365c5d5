-- Verify skill_messages:private/other_grantees on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.other_grantees(text, text[])',
    'relation text, VARIADIC expected text[]',
    'text',
    '{}',
    'stable'
);

ROLLBACK;
