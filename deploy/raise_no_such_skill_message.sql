-- Deploy skill_messages:raise_no_such_skill_message to pg
-- requires: current_skill_message_tenant
--
-- One error for what is absent, another tenant's, or none of this user's business: nothing tells
-- them apart. An operation that finds its message needs no check of the context, since without one
-- the policies show it nothing; here is where that is explained.

BEGIN;

CREATE FUNCTION public.raise_no_such_skill_message(message_id text) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.current_skill_message_tenant();

    RAISE EXCEPTION 'message_id "%": no such message', message_id
        USING ERRCODE = 'SM002',
              HINT = 'Give the id of a message that is there for tenant and user in the context.';
END;
$$;

COMMENT ON FUNCTION public.raise_no_such_skill_message(text) IS
'Raises that a message is not there; for the operations on one message.
Errors: SM001 no context; SM002 no such message for this tenant and user.';

REVOKE ALL ON FUNCTION public.raise_no_such_skill_message(text) FROM public;
GRANT EXECUTE ON FUNCTION public.raise_no_such_skill_message(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
