-- Deploy skill_messages:rules/message_life to pg
-- requires: isolation/retention_access
--
-- Each rule is a trigger whose WHEN clause says what breaks it: a write that keeps the rules calls
-- no function at all. The arguments are SQLSTATE, message and hint. They bind everybody, superusers
-- included. Saying what is already so breaks no rule. Few triggers, since each costs an INSERT or
-- UPDATE 1 to 3 %, for its WHEN clause is read anew by every statement.

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
'Raises the error that its trigger''s arguments name: SQLSTATE, message, hint. For triggers only.';

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
    '23514', 'status, read_at, answered_at, message: born pending and unread, and not [erased]',
    'Insert it with status ''pending'', without times of reading and answer, and with a text.'
);

CREATE OR REPLACE TRIGGER answered_once
BEFORE UPDATE ON public.skill_messages
FOR EACH ROW WHEN (old.status <> 'pending' AND new.status IS DISTINCT FROM old.status)
EXECUTE FUNCTION skill_messages_private.refuse_skill_message_change(
    'SM003', 'status: the message was already accepted or declined',
    'A decision is final. Send a new message to propose again.'
);

-- A text may give way to [erased], for a person who has a right to that. Who may not read it is
-- told nothing of it: such a role writes [erased] or is refused, whatever stands there. A foreign
-- key nulls the parent of a deleted skill from within a trigger of its own: depth 1, not 0. UPDATE
-- OF: marking a long message read must not fetch its text only to compare it with itself.
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
