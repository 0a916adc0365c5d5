-- Verify skill_messages:private/raise_no_such_skill_message on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.raise_no_such_skill_message(text)',
    'message_id text',
    'void',
    '{app,service}',
    'stable'
);

ROLLBACK;
