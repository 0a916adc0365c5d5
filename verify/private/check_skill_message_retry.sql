-- Verify skill_messages:private/check_skill_message_retry on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.check_skill_message_retry(text, text, text, text, text, text, text)',
    'tenant_id text, id text, from_user_id text, to_user_id text, subject_skill_id text, '
    'message text, proposed_parent_skill_id text',
    'void',
    '{app,service}'
);

ROLLBACK;
