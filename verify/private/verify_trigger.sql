-- Verify skill_messages:private/verify_trigger on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.verify_trigger(text, text, text)',
    'trigger_name text, function_name text, definition text',
    'void',
    '{}',
    'stable'
);

ROLLBACK;
