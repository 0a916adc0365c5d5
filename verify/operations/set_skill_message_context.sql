-- Verify skill_messages:operations/set_skill_message_context on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.set_skill_message_context(text, text)',
    'tenant_id text, user_id text DEFAULT NULL::text',
    'void',
    '{app,retention,service}'
);

ROLLBACK;
