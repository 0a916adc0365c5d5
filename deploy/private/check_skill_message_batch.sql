-- Deploy skill_messages:private/check_skill_message_batch to pg
-- requires: roles
-- requires: private/revoke_from_all
--
-- Checks the form of all elements before the first of them is stored. The table's constraints check
-- the values.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.check_skill_message_batch(messages jsonb)
RETURNS void
LANGUAGE plpgsql
IMMUTABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_keys CONSTANT text[] := ARRAY[
        'from_user_id', 'to_user_id', 'subject_skill_id', 'message', 'proposed_parent_skill_id',
        'id'
    ];
    v_element jsonb;
    v_position bigint;
BEGIN
    IF jsonb_typeof(messages) IS DISTINCT FROM 'array'
        OR jsonb_array_length(messages) NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'messages is not an array of 1 to 1000 elements'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give a JSON array of objects with the arguments of send_skill_message().';
    END IF;

    SELECT e.element, e.position
    INTO v_element, v_position
    FROM jsonb_array_elements(messages) WITH ORDINALITY AS e (element, position)
    WHERE CASE jsonb_typeof(e.element)
        WHEN 'object' THEN e.element - c_keys <> '{}'
            OR e.element @? 'strict $.* ? (@.type() != "string" && @.type() != "null")'
        ELSE true
    END
    ORDER BY e.position
    LIMIT 1;

    IF jsonb_typeof(v_element) <> 'object' THEN
        RAISE EXCEPTION 'message %: the element is not an object', v_position
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give an object with the arguments of send_skill_message().';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'message %: unknown key, or value that is not a string: %',
            v_position, left((
                SELECT string_agg(e.key, ', ')
                FROM jsonb_each(v_element) AS e
                WHERE e.key <> ALL (c_keys) OR jsonb_typeof(e.value) NOT IN ('string', 'null')
            ), 100)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'The keys are the arguments of send_skill_message(), the values strings.';
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.check_skill_message_batch(jsonb) IS
'Checks that this is an array of 1 to 1000 objects with the arguments of send_skill_message().
Errors: 22023 it is not such an array, or an element is not such an object: the message gives its
position, counting from 1.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.check_skill_message_batch(jsonb)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.check_skill_message_batch(jsonb)
TO skill_messages_service, skill_messages_app;

COMMIT;
