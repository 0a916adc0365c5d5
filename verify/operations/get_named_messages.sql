-- Verify skill_messages:operations/get_named_messages on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.get_named_messages_for_user(text, integer, timestamptz, text)',
    'user_id text DEFAULT NULL::text, max_messages integer DEFAULT 50, before_created_at '
    'timestamp with time zone DEFAULT NULL::timestamp with time zone, before_id text DEFAULT '
    'NULL::text',
    'TABLE(id text, tenant_id text, from_user_id text, to_user_id text, subject_skill_id text, '
    'proposed_parent_skill_id text, message text, status text, created_at timestamp with time '
    'zone, read_at timestamp with time zone, answered_at timestamp with time zone, tenant_name '
    'text, from_user_name text, to_user_name text, subject_skill_name text, '
    'proposed_parent_skill_name text)',
    '{app,service}',
    'stable'
);

SELECT skill_messages_private.verify_function(
    'public.get_named_messages_from_user(text, integer, timestamptz, text)',
    'user_id text DEFAULT NULL::text, max_messages integer DEFAULT 50, before_created_at '
    'timestamp with time zone DEFAULT NULL::timestamp with time zone, before_id text DEFAULT '
    'NULL::text',
    'TABLE(id text, tenant_id text, from_user_id text, to_user_id text, subject_skill_id text, '
    'proposed_parent_skill_id text, message text, status text, created_at timestamp with time '
    'zone, read_at timestamp with time zone, answered_at timestamp with time zone, tenant_name '
    'text, from_user_name text, to_user_name text, subject_skill_name text, '
    'proposed_parent_skill_name text)',
    '{app,service}',
    'stable'
);

ROLLBACK;
