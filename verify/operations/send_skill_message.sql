-- Verify skill_messages:operations/send_skill_message on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.send_skill_message(text, text, text, text, text, text)',
    'from_user_id text, to_user_id text, subject_skill_id text, message text, '
    'proposed_parent_skill_id text DEFAULT NULL::text, id text DEFAULT NULL::text',
    'text',
    '{app,service}'
);

ROLLBACK;
