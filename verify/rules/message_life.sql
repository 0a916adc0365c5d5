-- Verify skill_messages:rules/message_life on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.refuse_skill_message_change()',
    '',
    'trigger',
    '{}'
);

SELECT skill_messages_private.verify_trigger(
    'born_pending_and_unread', 'refuse_skill_message_change',
    'BEFORE INSERT WHEN (((new.status <> ''pending''::text) OR (new.read_at IS NOT NULL) OR '
    '(new.answered_at IS NOT NULL) OR (new.message = ''[erased]''::text)))'
);

SELECT skill_messages_private.verify_trigger(
    'answered_once', 'refuse_skill_message_change',
    'BEFORE UPDATE WHEN (((old.status <> ''pending''::text) AND (new.status IS DISTINCT FROM '
    'old.status)))'
);

SELECT skill_messages_private.verify_trigger(
    'content_never_changes', 'refuse_skill_message_change',
    'BEFORE UPDATE OF id, tenant_id, from_user_id, to_user_id, subject_skill_id, '
    'proposed_parent_skill_id, message, created_at, answered_at WHEN (((new.id IS DISTINCT FROM '
    'old.id) OR (new.tenant_id IS DISTINCT FROM old.tenant_id) OR (new.from_user_id IS DISTINCT '
    'FROM old.from_user_id) OR (new.to_user_id IS DISTINCT FROM old.to_user_id) OR '
    '(new.subject_skill_id IS DISTINCT FROM old.subject_skill_id) OR (new.created_at IS '
    'DISTINCT FROM old.created_at) OR (new.answered_at IS DISTINCT FROM old.answered_at) OR '
    '((new.message IS DISTINCT FROM ''[erased]''::text) AND ((new.message IS DISTINCT FROM '
    'old.message) OR (NOT has_column_privilege(''public.skill_messages''::text, ''message''::text, '
    '''SELECT''::text)))) OR ((new.proposed_parent_skill_id IS DISTINCT FROM '
    'old.proposed_parent_skill_id) AND ((new.proposed_parent_skill_id IS NOT NULL) OR '
    '(pg_trigger_depth() = 0)))))'
);

ROLLBACK;
