-- Deploy skill_messages:message_life to pg
-- requires: skill_messages
--
-- Each rule is a trigger whose WHEN clause says what breaks it: a write that keeps the rules calls
-- no function at all. The arguments are SQLSTATE, message and hint. They bind everybody, superusers
-- included.

BEGIN;

CREATE FUNCTION public.refuse_skill_message_change() RETURNS trigger
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

COMMENT ON FUNCTION public.refuse_skill_message_change() IS
'Raises the error that its trigger''s arguments name: SQLSTATE, message, hint. For triggers only.';

REVOKE ALL ON FUNCTION public.refuse_skill_message_change() FROM public;

CREATE TRIGGER born_pending_and_unread
BEFORE INSERT ON public.skill_messages
FOR EACH ROW WHEN (
    new.status <> 'pending' OR new.read_at IS NOT null OR new.answered_at IS NOT null
)
EXECUTE FUNCTION public.refuse_skill_message_change(
    '23514', 'status, read_at, answered_at: a message is born pending and unread',
    'Insert it with status ''pending'' and no time of reading or answer, then update it.'
);

CREATE TRIGGER answered_once
BEFORE UPDATE ON public.skill_messages
FOR EACH ROW WHEN (old.status <> 'pending' AND new.status IS DISTINCT FROM old.status)
EXECUTE FUNCTION public.refuse_skill_message_change(
    'SM003', 'status: the message was already accepted or declined',
    'A decision is final. Send a new message to propose again.'
);

CREATE TRIGGER first_reading_stands
BEFORE UPDATE ON public.skill_messages
FOR EACH ROW WHEN (old.read_at IS NOT null AND new.read_at IS DISTINCT FROM old.read_at)
EXECUTE FUNCTION public.refuse_skill_message_change(
    '23514', 'read_at: the message was already read, and the first reading stands',
    'Call mark_message_read(), which keeps the first reading.'
);

-- A text may give way to [erased], for a person who has a right to that. A foreign key nulls the
-- parent of a deleted skill from within a trigger of its own: depth 1, not 0. UPDATE OF: marking a
-- long message read must not fetch its text only to compare it with itself.
CREATE TRIGGER content_never_changes
BEFORE UPDATE OF id, tenant_id, from_user_id, to_user_id, subject_skill_id,
proposed_parent_skill_id, message, created_at, answered_at ON public.skill_messages
FOR EACH ROW WHEN (
    (
        new.id, new.tenant_id, new.from_user_id, new.to_user_id, new.subject_skill_id,
        new.created_at, new.answered_at
    ) IS DISTINCT FROM (
        old.id, old.tenant_id, old.from_user_id, old.to_user_id, old.subject_skill_id,
        old.created_at, old.answered_at
    )
    OR (new.message IS DISTINCT FROM old.message AND new.message <> '[erased]')
    OR (
        new.proposed_parent_skill_id IS DISTINCT FROM old.proposed_parent_skill_id
        AND (new.proposed_parent_skill_id IS NOT null OR pg_trigger_depth() = 0)
    )
)
EXECUTE FUNCTION public.refuse_skill_message_change(
    '23514', 'only status and read_at of a message ever change',
    'Send a new message instead.'
);

COMMIT;
