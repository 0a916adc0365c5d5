-- Verify skill_messages:operations/update_message_status on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.update_message_status(text, text)',
    'message_id text, status text',
    'TABLE(id text, tenant_id text, from_user_id text, to_user_id text, subject_skill_id text, '
    'proposed_parent_skill_id text, message text, new_status text, created_at timestamp with '
    'time zone, read_at timestamp with time zone, answered_at timestamp with time zone)',
    '{app,service}'
);

ROLLBACK;
