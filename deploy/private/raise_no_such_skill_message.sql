-- Deploy skill_messages:private/raise_no_such_skill_message to pg
-- requires: private/current_skill_message_tenant
-- requires: private/check_skill_message_caller
--
-- A message that is absent, of another tenant or not for this user gives the same error, so that
-- nothing tells these cases apart. An operation that finds its message has a right context, since
-- without one the policies show nothing. One that finds none calls this, which checks the context.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.raise_no_such_skill_message(message_id text)
RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM skill_messages_private.current_skill_message_tenant();
    PERFORM skill_messages_private.check_skill_message_caller();

    RAISE EXCEPTION 'message_id "%": no such message', left(message_id, 100)
        USING ERRCODE = 'SM002',
              HINT = 'Give the id of a message of the tenant and the user in the context.';
END;
$$;

COMMENT ON FUNCTION skill_messages_private.raise_no_such_skill_message(text) IS
'For the operations on one message: raises the error that there is no such message.
Errors: SM001 no context; SM002 no such message for this tenant and user; 42501 the caller has the
rights of neither role.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.raise_no_such_skill_message(text)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.raise_no_such_skill_message(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
