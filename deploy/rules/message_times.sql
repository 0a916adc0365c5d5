-- Deploy skill_messages:rules/message_times to pg
-- requires: rules/message_life
--
-- The clocks of application servers are off, which must not keep anybody from reading: a time
-- outside its bounds is moved into them. Only whole milliseconds are kept, since a JavaScript Date
-- has no more. They are cut, not rounded: a rounded time could be ahead of the clock. The first
-- reading stands. By their names, these triggers fire after those that refuse.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

CREATE OR REPLACE FUNCTION skill_messages_private.set_skill_message_times() RETURNS trigger
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := date_trunc('milliseconds', least(NEW.created_at, clock_timestamp()));
        RETURN NEW;
    END IF;

    IF OLD.read_at IS NOT NULL THEN
        NEW.read_at := OLD.read_at;
    ELSIF NEW.read_at IS NOT NULL THEN
        NEW.read_at := greatest(
            OLD.created_at, date_trunc('milliseconds', least(NEW.read_at, clock_timestamp()))
        );
    END IF;

    -- A transaction may be older than the message that it answers.
    IF OLD.status = 'pending' AND NEW.status <> 'pending' THEN
        NEW.answered_at := greatest(OLD.created_at, date_trunc('milliseconds', now()));
    END IF;

    RETURN NEW;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.set_skill_message_times() IS
'Moves created_at and read_at into their bounds, keeps the time of the first reading, and sets
answered_at to the start of the transaction that answers. For triggers only.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.set_skill_message_times()');

CREATE OR REPLACE TRIGGER times_of_birth
BEFORE INSERT ON public.skill_messages
FOR EACH ROW WHEN (
    new.created_at > clock_timestamp()
    OR new.created_at <> date_trunc('milliseconds', new.created_at)
)
EXECUTE FUNCTION skill_messages_private.set_skill_message_times();

CREATE OR REPLACE TRIGGER times_of_life
BEFORE UPDATE ON public.skill_messages
FOR EACH ROW WHEN (
    (old.read_at IS NOT null AND new.read_at IS DISTINCT FROM old.read_at)
    OR new.read_at < old.created_at
    OR new.read_at > clock_timestamp()
    OR new.read_at <> date_trunc('milliseconds', new.read_at)
    OR (old.status = 'pending' AND new.status <> 'pending')
)
EXECUTE FUNCTION skill_messages_private.set_skill_message_times();

COMMIT;
