-- Verify skill_messages:private/check_skill_message_caller on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.check_skill_message_caller(text[])',
    'roles text[] DEFAULT ARRAY[''skill_messages_service''::text, ''skill_messages_app''::text]',
    'void',
    '{app,retention,service}',
    'stable'
);

ROLLBACK;
