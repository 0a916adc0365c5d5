-- Verify skill_messages:private/verify_policy on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.verify_policy(text, text, text, text, text[], text, text)',
    'relation text, policy text, kind text, command text, roles text[], using_expression text, '
    'check_expression text',
    'void',
    '{}',
    'stable'
);

ROLLBACK;
