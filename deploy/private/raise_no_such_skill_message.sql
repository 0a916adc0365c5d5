-- Deploy skill_messages:private/raise_no_such_skill_message to pg
-- requires: private/current_skill_message_tenant
-- requires: private/check_skill_message_caller
--
-- One error for what is absent, another tenant's, or none of this user's business: nothing tells
-- them apart. An operation that finds its message needs no check of the context, since without one
-- the policies show it nothing; here is where that is explained.

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
              HINT = 'Give the id of a message that is there for tenant and user in the context.';
END;
$$;

COMMENT ON FUNCTION skill_messages_private.raise_no_such_skill_message(text) IS
'Raises that a message is not there; for the operations on one message.
Errors: SM001 no context; SM002 no such message for this tenant and user; 42501 the caller has the
rights of neither role.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.raise_no_such_skill_message(text)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.raise_no_such_skill_message(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
