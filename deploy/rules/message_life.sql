-- Deploy skill_messages:rules/message_life to pg
-- requires: isolation/retention_access
--
-- Each rule is a trigger whose WHEN clause says what breaks it. So a write that keeps the rules
-- calls no function at all. The arguments are SQLSTATE, message and hint. The rules hold for
-- everybody, superusers included. Setting a column to the value that it has breaks no rule. There
-- are few triggers, because each costs an INSERT or UPDATE 1 to 3 %: every statement reads its WHEN
-- clause anew.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

CREATE OR REPLACE FUNCTION skill_messages_private.refuse_skill_message_change() RETURNS trigger
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = TG_ARGV[0],
        MESSAGE = TG_ARGV[1],
        HINT = TG_ARGV[2],
        SCHEMA = TG_TABLE_SCHEMA,
        TABLE = TG_TABLE_NAME,
        CONSTRAINT = TG_NAME;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.refuse_skill_message_change() IS
'Raises the error that the arguments of its trigger describe: SQLSTATE, message, hint. For triggers
only.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.refuse_skill_message_change()'
);

CREATE OR REPLACE TRIGGER born_pending_and_unread
BEFORE INSERT ON public.skill_messages
FOR EACH ROW WHEN (
    new.status <> 'pending' OR new.read_at IS NOT null OR new.answered_at IS NOT null
    OR new.message = '[erased]'
)
EXECUTE FUNCTION skill_messages_private.refuse_skill_message_change(
    '23514',
    'status, read_at, answered_at, message: a new message is pending and unread, and not [erased]',
    'Insert it with status ''pending'', without read_at and answered_at, and with another text.'
);

CREATE OR REPLACE TRIGGER answered_once
BEFORE UPDATE ON public.skill_messages
FOR EACH ROW WHEN (old.status <> 'pending' AND new.status IS DISTINCT FROM old.status)
EXECUTE FUNCTION skill_messages_private.refuse_skill_message_change(
    'SM003', 'status: the message was already accepted or declined',
    'A decision is final. Send a new message to propose again.'
);

-- A text may be replaced by [erased], since a person may have a right to that. A role that may not
-- read the text must not be able to guess it: it writes [erased] or is refused, whatever the text
-- is. When a skill is deleted, the foreign key sets the parent to null from within a trigger of its
-- own: at depth 1, not 0. UPDATE OF: marking a long message as read must not fetch its text only to
-- compare it with itself.
CREATE OR REPLACE TRIGGER content_never_changes
BEFORE UPDATE OF id, tenant_id, from_user_id, to_user_id, subject_skill_id,
proposed_parent_skill_id, message, created_at, answered_at ON public.skill_messages
FOR EACH ROW WHEN (
    new.id IS DISTINCT FROM old.id
    OR new.tenant_id IS DISTINCT FROM old.tenant_id
    OR new.from_user_id IS DISTINCT FROM old.from_user_id
    OR new.to_user_id IS DISTINCT FROM old.to_user_id
    OR new.subject_skill_id IS DISTINCT FROM old.subject_skill_id
    OR new.created_at IS DISTINCT FROM old.created_at
    OR new.answered_at IS DISTINCT FROM old.answered_at
    OR (
        new.message IS DISTINCT FROM '[erased]'
        AND (
            new.message IS DISTINCT FROM old.message
            OR NOT has_column_privilege('public.skill_messages', 'message', 'SELECT')
        )
    )
    OR (
        new.proposed_parent_skill_id IS DISTINCT FROM old.proposed_parent_skill_id
        AND (new.proposed_parent_skill_id IS NOT null OR pg_trigger_depth() = 0)
    )
)
EXECUTE FUNCTION skill_messages_private.refuse_skill_message_change(
    '23514', 'only status and read_at of a message ever change',
    'Send a new message instead. A text can only be erased.'
);

COMMIT;
