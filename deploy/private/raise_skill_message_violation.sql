-- Deploy skill_messages:private/raise_skill_message_violation to pg
-- requires: tables/skill_messages
--
-- Each rule is written once, as a constraint, and its hint once, as the constraint's comment. This
-- function turns a violation into an error that names the argument. It ignores constraints that it
-- does not know. Under Citus the diagnostics of an error from another node name neither constraint
-- nor column: they stand in its text, the constraint perhaps with the number of a shard.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.raise_skill_message_violation(
    violation text,
    constraint_name text,
    argument text
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_in_text boolean := constraint_name LIKE '% %';
    v_name text;
    v_hint text;
BEGIN
    IF violation = '23502' THEN
        IF argument IS NULL AND v_in_text THEN
            SELECT a.attname::text
            INTO argument
            FROM pg_attribute AS a
            WHERE a.attrelid = 'public.skill_messages'::regclass
                AND strpos(constraint_name, a.attname) > 0
            ORDER BY length(a.attname) DESC
            LIMIT 1;
        END IF;
        RAISE EXCEPTION '% is null', argument
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Give %s a value.', argument);
    ELSIF violation = '54000' THEN
        RAISE EXCEPTION '% is too long for an index', argument
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give the id of a user or skill of the current tenant.';
    ELSIF constraint_name = 'born_pending_and_unread' OR constraint_name LIKE '% [erased]' THEN
        -- The sending functions can break this rule with a text only.
        RAISE EXCEPTION 'invalid message'
            USING ERRCODE = 'check_violation',
                  HINT = '"[erased]" stands for a text that was erased. Write something else.';
    END IF;

    SELECT c.conname::text, obj_description(c.oid, 'pg_constraint')
    INTO v_name, v_hint
    FROM pg_constraint AS c
    WHERE c.conrelid = 'public.skill_messages'::regclass
        AND c.conname ~ '^skill_messages_.*_(fkey|check)$'
        AND (c.conname = constraint_name
            OR (v_in_text AND strpos(constraint_name, c.conname) > 0))
    ORDER BY length(c.conname) DESC
    LIMIT 1;

    IF FOUND THEN
        RAISE EXCEPTION '% %',
            CASE violation WHEN '23503' THEN 'unknown' ELSE 'invalid' END,
            substring(v_name FROM '^skill_messages_(.*)_[a-z]+$')
            USING ERRCODE = violation,
                  HINT = coalesce(v_hint, 'See the definition of the constraint.'),
                  CONSTRAINT = v_name;
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.raise_skill_message_violation(text, text, text) IS
'For the other functions: turns a violated constraint of skill_messages into an error that names the
argument and has a hint.
violation: its SQLSTATE. constraint_name: the one in the diagnostics; where these have none, the
text of the error. argument: which one was null or too long, if that is known.
Errors: 23503 unknown user or skill; 23514 blank or oversized message, an id over 255 bytes; 22023
an argument is null or too long.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.raise_skill_message_violation(text, text, text)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.raise_skill_message_violation(text, text, text)
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
