-- Deploy skill_messages:private/check_skill_message_page to pg
-- requires: private/current_skill_message_tenant
-- requires: private/raise_skill_message_violation

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.check_skill_message_page(
    user_id text, max_messages integer, before_created_at timestamptz, before_id text
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM skill_messages_private.current_skill_message_tenant('user_id', user_id);

    IF user_id IS NULL THEN
        PERFORM skill_messages_private.raise_skill_message_violation('23502', NULL, 'user_id');
    ELSIF max_messages IS NULL OR max_messages NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'max_messages is %', coalesce(max_messages::text, 'null')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Ask for 1 to 1000 messages. The before_ arguments give the next page.';
    ELSIF (before_created_at IS NULL) <> (before_id IS NULL) THEN
        RAISE EXCEPTION 'before_created_at and before_id: one is given, the other is null'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give both, from the last message of the page before, or neither.';
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.check_skill_message_page IS
'Checks the context and the arguments that every page of messages takes.
max_messages: 1 to 1000. before_created_at, before_id: both or neither.
Errors: SM001 no context; 22023 an argument is null or out of range; 42501 user_id is not the
signed-in user.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.check_skill_message_page(text, integer, timestamptz, text)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.check_skill_message_page(
    text, integer, timestamptz, text
) TO skill_messages_service, skill_messages_app;

COMMIT;
