-- Deploy skill_messages:private/check_revert to pg
-- requires: private/short_locks
--
-- Before a revert undoes anything: whether it would lose messages, or stop half-way because the
-- host has built on what it drops. The revert of the last change asks, which comes first, and that
-- of the table once more.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

-- Always ends in an error, so that nothing of it stays.
CREATE OR REPLACE PROCEDURE skill_messages_private.rehearse_revert(discard boolean)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ours CONSTANT regclass[] := ARRAY(
        SELECT c.oid::regclass
        FROM unnest(ARRAY['skill_messages', 'tenants', 'users', 'skills']) WITH ORDINALITY
            AS t (name, place)
        INNER JOIN pg_class AS c ON c.oid = to_regclass('public.' || t.name)
        WHERE t.name = 'skill_messages'
            OR obj_description(c.oid, 'pg_class') LIKE '%(created by skill_messages)'
        ORDER BY t.place
    );
    v_table regclass;
    v_rows bigint;
    v_lost text[] := ARRAY[]::text[];
    v_statement text;
    v_detail text;
    v_dependants text[] := ARRAY[]::text[];
BEGIN
    -- No notice of what is gone already.
    PERFORM set_config('client_min_messages', 'warning', true);

    FOREACH v_table IN ARRAY v_ours
    LOOP
        -- FORCE hides the rows from the owner, too.
        IF row_security_active(v_table) THEN
            EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', v_table);
        END IF;
        EXECUTE format('SELECT count(*) FROM %s', v_table) INTO v_rows;
        IF v_rows > 0 THEN
            v_lost := v_lost || format('%s rows of %s', v_rows, v_table);
        END IF;
    END LOOP;

    FOREACH v_statement IN ARRAY ARRAY[
        'DROP VIEW IF EXISTS public.skill_message_totals',
        'DROP VIEW IF EXISTS skill_messages_private.tenant_names, '
        'skill_messages_private.user_names, skill_messages_private.skill_names',
        'DROP ROUTINE IF EXISTS ' || (
            SELECT string_agg(ours.signature, ', ')
            FROM skill_messages_private.operations() AS ours (signature)
        ),
        'DROP TABLE IF EXISTS ' || nullif(array_to_string(v_ours, ', '), '')
    ]
    LOOP
        CONTINUE WHEN v_statement IS NULL;

        BEGIN
            EXECUTE v_statement;
        EXCEPTION
            WHEN dependent_objects_still_exist THEN
                GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
                v_dependants := v_dependants || v_detail;
        END;
    END LOOP;

    IF v_dependants <> '{}' THEN
        RAISE EXCEPTION 'something of the host depends on skill_messages'
            USING ERRCODE = 'dependent_objects_still_exist',
                  DETAIL = array_to_string(v_dependants, E'\n'),
                  HINT = 'Drop it first. Nothing was undone.';
    ELSIF v_lost <> '{}' AND NOT discard THEN
        RAISE EXCEPTION 'this revert would lose %', array_to_string(v_lost, ', ')
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Nothing was undone. To export them all, run: psql -XqAt -d … '
                         '-f sql/export.sql > messages.jsonl. To give them up: sqitch '
                         'revert --set messages=discard. If the revert stops before the tables: '
                         'sqitch revert --to … --set messages=keep';
    END IF;

    RAISE EXCEPTION 'nothing is in the way' USING ERRCODE = 'SM000';
END;
$$;

COMMENT ON PROCEDURE skill_messages_private.rehearse_revert IS
'Tries out a revert: drops what a revert drops, then undoes that by raising an error.
discard: whether messages may be lost.
Errors: SM000 nothing is in the way; 2BP01 something of the host depends on it; 55000 messages, or
rows of the tables that the package made, would be lost.';

CREATE OR REPLACE PROCEDURE skill_messages_private.check_revert(messages text)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF messages NOT IN ('', 'discard', 'keep') THEN
        RAISE EXCEPTION 'messages is %', quote_literal(messages)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'sqitch revert --set messages=discard, or --set messages=keep';
    ELSIF messages <> 'keep' THEN
        CALL skill_messages_private.short_locks(
            format('CALL skill_messages_private.rehearse_revert(%L)', messages = 'discard')
        );
    END IF;
EXCEPTION
    WHEN SQLSTATE 'SM000' THEN
        NULL;
END;
$$;

COMMENT ON PROCEDURE skill_messages_private.check_revert IS
'Raises an error if a revert would lose messages or would stop half-way.
messages: discard, to give them up; keep, if the revert stops before the table; otherwise empty.
Errors: 2BP01 something of the host depends on the package; 55000 messages, or rows of the tables
that the package made, would be lost; 55P03 the tables are in use; 22023 unknown argument.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.rehearse_revert(boolean)');
CALL skill_messages_private.revoke_from_all('skill_messages_private.check_revert(text)');

COMMIT;
