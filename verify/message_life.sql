-- Verify skill_messages:message_life on pg

BEGIN;

DO $$
BEGIN
    IF 4 <> (
        SELECT count(*)
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = to_regclass('public.skill_messages')
            AND t.tgfoid = to_regprocedure('public.refuse_skill_message_change()')
            AND t.tgenabled = 'O'
            AND regexp_replace(
                pg_get_triggerdef(t.oid), '^CREATE TRIGGER | ON .* WHEN | EXECUTE .*$', '', 'g'
            ) IN (
                'born_pending_and_unread BEFORE INSERT'
                '(((new.status <> ''pending''::text) OR (new.read_at IS NOT NULL) '
                'OR (new.answered_at IS NOT NULL)))',
                'answered_once BEFORE UPDATE'
                '(((old.status <> ''pending''::text) '
                'AND (new.status IS DISTINCT FROM old.status)))',
                'first_reading_stands BEFORE UPDATE'
                '(((old.read_at IS NOT NULL) AND (new.read_at IS DISTINCT FROM old.read_at)))',
                'content_never_changes BEFORE UPDATE OF id, tenant_id, from_user_id, to_user_id, '
                'subject_skill_id, proposed_parent_skill_id, message, created_at, '
                'answered_at'
                '(((((((((new.id IS DISTINCT FROM old.id) '
                'OR (new.tenant_id IS DISTINCT FROM old.tenant_id)) '
                'OR (new.from_user_id IS DISTINCT FROM old.from_user_id)) '
                'OR (new.to_user_id IS DISTINCT FROM old.to_user_id)) '
                'OR (new.subject_skill_id IS DISTINCT FROM old.subject_skill_id)) '
                'OR (new.created_at IS DISTINCT FROM old.created_at)) '
                'OR (new.answered_at IS DISTINCT FROM old.answered_at)) '
                'OR ((new.message IS DISTINCT FROM old.message) '
                'AND (new.message <> ''[erased]''::text)) '
                'OR ((new.proposed_parent_skill_id IS DISTINCT FROM old.proposed_parent_skill_id) '
                'AND ((new.proposed_parent_skill_id IS NOT NULL) OR (pg_trigger_depth() = 0)))))'
            )
    ) THEN
        RAISE EXCEPTION 'a rule of a message''s life is missing, disabled or different';
    END IF;

    IF NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS p
        WHERE p.oid = to_regprocedure('public.refuse_skill_message_change()')
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
    ) THEN
        RAISE EXCEPTION 'refuse_skill_message_change is missing, or its security is';
    END IF;
END;
$$;

ROLLBACK;
