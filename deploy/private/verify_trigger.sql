-- Deploy skill_messages:private/verify_trigger to pg
-- requires: private/revoke_from_all
--
-- What every verify script asks of a trigger on skill_messages.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.verify_trigger(
    trigger_name text,
    function_name text,
    definition text
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_trigger AS t
        INNER JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE t.tgrelid = to_regclass('public.skill_messages')
            AND t.tgname = trigger_name
            AND t.tgfoid = to_regprocedure(
                format('skill_messages_private.%I()', function_name)
            )
            AND t.tgenabled = 'O'
            AND regexp_replace(
                pg_get_triggerdef(t.oid),
                '^CREATE TRIGGER \w+ | ON public\.skill_messages FOR EACH ROW| EXECUTE .*$', '', 'g'
            ) = definition
    ) THEN
        RAISE EXCEPTION 'the trigger % is missing, disabled or different', trigger_name;
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.verify_trigger IS
'Raises an error unless the trigger on skill_messages exists, is enabled, fires for each row and is
exactly this one.
function_name: what it calls, in skill_messages_private. definition: as the catalogue prints it,
without its name, table and function.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.verify_trigger(text, text, text)'
);

COMMIT;
