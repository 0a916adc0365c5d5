-- Verify skill_messages:isolation/user_isolation on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    c_app CONSTANT text[] := '{skill_messages_app}';
    v_me CONSTANT text := $p$current_setting('app.current_user_id'::text, true)$p$;
    v_sent CONSTANT text := format('(from_user_id = %s)', v_me);
    v_received CONSTANT text := format('(to_user_id = %s)', v_me);
    v_reads_own CONSTANT text := 'CASE ( SELECT ' || v_me || ' AS current_setting)'
        || ' WHEN to_user_id THEN true WHEN from_user_id THEN true ELSE false END';
BEGIN
    PERFORM
        skill_messages_private.verify_policy('public.skill_messages', 'app_reads_own',
            'restrictive', 'select', c_app, v_reads_own, NULL),
        skill_messages_private.verify_policy('public.skill_messages', 'app_sends_as_itself',
            'restrictive', 'insert', c_app, NULL, v_sent),
        skill_messages_private.verify_policy('public.skill_messages', 'app_answers_received',
            'restrictive', 'update', c_app, v_received, v_received),
        skill_messages_private.verify_privileges('public.skill_messages', 'skill_messages_app',
            'INSERT (id, tenant_id, from_user_id, to_user_id, subject_skill_id, '
            'proposed_parent_skill_id, message), SELECT, UPDATE (status, read_at)');
END;
$$;

ROLLBACK;
