-- Deploy skill_messages:raise_skill_message_violation to pg
-- requires: skill_messages
--
-- The rules stand once, as constraints, and their hints once, as the constraints' comments. This
-- turns what a constraint refused into an error that names the argument; one that it does not know
-- it leaves alone.

BEGIN;

CREATE FUNCTION public.raise_skill_message_violation(
    violation text,
    constraint_name text,
    column_name text,
    place text DEFAULT ''
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_argument text := substring(constraint_name FROM '^skill_messages_(.*)_(?:fkey|check)$');
    v_hint text;
BEGIN
    IF violation = '23502' THEN
        RAISE EXCEPTION '%', place || column_name || ' is null'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Give %s a value.', column_name);
    ELSIF violation = '54000' THEN
        RAISE EXCEPTION '%', place || 'an id is too long for its index'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Keep ids well below 2,000 bytes.';
    END IF;

    SELECT obj_description(c.oid, 'pg_constraint')
    INTO v_hint
    FROM pg_constraint AS c
    WHERE c.conrelid = 'public.skill_messages'::regclass
        AND c.conname = constraint_name
        AND v_argument IS NOT NULL;

    IF FOUND THEN
        RAISE EXCEPTION '% %',
            place || CASE violation WHEN '23503' THEN 'unknown' ELSE 'invalid' END, v_argument
            USING ERRCODE = violation,
                  HINT = v_hint,
                  CONSTRAINT = constraint_name;
    END IF;
END;
$$;

COMMENT ON FUNCTION public.raise_skill_message_violation(text, text, text, text) IS
'Raises what a constraint of skill_messages refused as an error that names the argument, with a
hint; for the other functions.
violation: SQLSTATE. constraint_name, column_name: as the diagnostics give them. place: what to put
before the message.
Errors: 23503 unknown user or skill; 23514 blank or oversized message; 22023 an argument is null or
an id too long.';

REVOKE ALL ON FUNCTION public.raise_skill_message_violation(text, text, text, text) FROM public;
GRANT EXECUTE ON FUNCTION public.raise_skill_message_violation(text, text, text, text)
TO skill_messages_service, skill_messages_app;

COMMIT;
