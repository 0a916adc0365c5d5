-- Verify skill_messages:private/new_skill_message_id on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.new_skill_message_id()',
    '',
    'text',
    '{app,service}'
);

ROLLBACK;
