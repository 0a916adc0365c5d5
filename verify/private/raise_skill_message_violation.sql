-- Verify skill_messages:private/raise_skill_message_violation on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.raise_skill_message_violation(text, text, text)',
    'violation text, constraint_name text, argument text',
    'void',
    '{app,retention,service}',
    'stable'
);

ROLLBACK;
