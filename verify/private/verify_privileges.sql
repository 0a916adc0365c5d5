-- Verify skill_messages:private/verify_privileges on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.verify_privileges(text, text, text)',
    'relation text, role text, privileges text',
    'void',
    '{}',
    'stable'
);

ROLLBACK;
