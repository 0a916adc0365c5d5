-- Verify skill_messages:private/check_skill_message_batch on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.check_skill_message_batch(jsonb)',
    'messages jsonb',
    'void',
    '{app,service}',
    'immutable'
);

ROLLBACK;
