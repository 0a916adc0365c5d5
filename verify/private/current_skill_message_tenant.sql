-- Verify skill_messages:private/current_skill_message_tenant on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.current_skill_message_tenant(text, text)',
    'argument text DEFAULT NULL::text, acting_user_id text DEFAULT NULL::text',
    'text',
    '{app,retention,service}',
    'stable'
);

ROLLBACK;
