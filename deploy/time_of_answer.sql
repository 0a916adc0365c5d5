-- Deploy skill_messages:time_of_answer to pg
-- requires: message_life
--
-- Triggers fire in the order of their names: this one after those that refuse, which would take the
-- time for a change of somebody's.

BEGIN;

CREATE FUNCTION public.note_time_of_skill_message_answer() RETURNS trigger
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.answered_at := now();
    RETURN NEW;
END;
$$;

COMMENT ON FUNCTION public.note_time_of_skill_message_answer() IS
'Sets answered_at to the start of the transaction. For a trigger only.';

REVOKE ALL ON FUNCTION public.note_time_of_skill_message_answer() FROM public;

CREATE TRIGGER time_of_answer
BEFORE UPDATE ON public.skill_messages
FOR EACH ROW WHEN (old.status = 'pending' AND new.status <> 'pending')
EXECUTE FUNCTION public.note_time_of_skill_message_answer();

COMMIT;
