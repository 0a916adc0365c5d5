-- Deploy skill_messages:operations/send_skill_messages to pg
-- requires: private/check_skill_message_batch
-- requires: operations/send_skill_message
--
-- All or nothing, in one INSERT, in the order of the ids, so that two batches with the same ids
-- wait for one another instead of deadlocking. Only when that is refused are the elements sent one
-- by one, in the same order, to learn which is at fault or was sent before. So the INSERT needs no
-- ON CONFLICT, which costs every row. RETURNING is for Citus: without it, Citus would store the
-- rows by COPY, which row-level security refuses.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.send_skill_messages(messages jsonb) RETURNS text[]
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := skill_messages_private.current_skill_message_tenant();
    v_ids text[];
    v_stored bigint;
    v_element record;
    v_fault_position bigint;
    v_fault_state text;
    v_fault text;
    v_hint text;
    v_constraint text;
BEGIN
    PERFORM skill_messages_private.check_skill_message_batch(messages);
    IF current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('send_skill_messages');
    END IF;

    v_ids := ARRAY(
        SELECT coalesce(e.id, skill_messages_private.new_skill_message_id())
        FROM ROWS FROM (jsonb_to_recordset(messages) AS (id text)) WITH ORDINALITY AS e
        ORDER BY e.ordinality
    );

    BEGIN
        WITH stored AS (
            INSERT INTO public.skill_messages AS m (
                id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
                proposed_parent_skill_id
            )
            SELECT
                e.id, v_tenant_id, e.from_user_id, e.to_user_id, e.subject_skill_id,
                coalesce(e.message, ''), e.proposed_parent_skill_id
            FROM ROWS FROM (
                unnest(v_ids),
                jsonb_to_recordset(messages) AS (
                    from_user_id text, to_user_id text, subject_skill_id text, message text,
                    proposed_parent_skill_id text
                )
            ) AS e (id)
            ORDER BY e.id COLLATE "C"
            RETURNING 1
        )
        SELECT count(*) INTO v_stored FROM stored;

        IF v_stored = cardinality(v_ids) THEN
            RETURN v_ids;
        END IF;
    EXCEPTION
        WHEN integrity_constraint_violation OR insufficient_privilege OR program_limit_exceeded THEN
            NULL;
    END;

    -- A retry, or a fault. Each element by itself, and of the faults the first one in the batch.
    FOR v_element IN
        SELECT e.*
        FROM ROWS FROM (
            unnest(v_ids),
            jsonb_to_recordset(messages) AS (
                from_user_id text, to_user_id text, subject_skill_id text, message text,
                proposed_parent_skill_id text
            )
        ) WITH ORDINALITY AS e (id)
        ORDER BY e.id COLLATE "C", e.ordinality
    LOOP
        BEGIN
            PERFORM public.send_skill_message(
                v_element.from_user_id, v_element.to_user_id, v_element.subject_skill_id,
                v_element.message, v_element.proposed_parent_skill_id, v_element.id
            );
        EXCEPTION
            WHEN integrity_constraint_violation OR insufficient_privilege
                OR invalid_parameter_value OR SQLSTATE 'SM001' OR SQLSTATE 'SM004' THEN
                IF v_fault_position < v_element.ordinality IS NOT TRUE THEN
                    GET STACKED DIAGNOSTICS
                        v_fault_state = RETURNED_SQLSTATE, v_fault = MESSAGE_TEXT,
                        v_hint = PG_EXCEPTION_HINT, v_constraint = CONSTRAINT_NAME;
                    v_fault_position := v_element.ordinality;
                END IF;
        END;
    END LOOP;

    IF v_fault_position IS NOT NULL THEN
        RAISE EXCEPTION 'message %: %', v_fault_position, v_fault
            USING ERRCODE = v_fault_state,
                  HINT = coalesce(nullif(v_hint, ''), 'None of the messages was stored.'),
                  CONSTRAINT = v_constraint;
    END IF;

    RETURN v_ids;
END;
$$;

COMMENT ON FUNCTION public.send_skill_messages(jsonb) IS
'Sends many messages, all or nothing, and returns their ids in the order of the input.
messages: a JSON array of 1 to 1000 objects whose keys are the arguments of send_skill_message().
Errors: those of send_skill_message(), with the position of the element, counting from 1; 22023
messages is not such an array, or has an unknown key or a value that is not a string.';

CALL skill_messages_private.revoke_from_all('public.send_skill_messages(jsonb)');
GRANT EXECUTE ON FUNCTION public.send_skill_messages(jsonb)
TO skill_messages_service, skill_messages_app;

COMMIT;
