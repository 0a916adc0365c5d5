-- Verify skill_messages:tables/hidden_names on pg
--
-- Whether the names are to be seen is the host's business, so that hidden ones are no failure.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.hidden_names()',
    '',
    'SETOF text',
    '{}',
    'stable'
);

DO $$
DECLARE
    v_statements text := array_to_string(
        ARRAY(SELECT skill_messages_private.hidden_names()), E';\n'
    );
BEGIN
    IF v_statements <> '' THEN
        RAISE NOTICE 'names of the host are hidden from service and app'
            USING HINT = v_statements;
    END IF;
END;
$$;

ROLLBACK;
