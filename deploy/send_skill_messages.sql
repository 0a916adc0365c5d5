-- Deploy skill_messages:send_skill_messages to pg
-- requires: current_skill_message_tenant
-- requires: raise_skill_message_violation
-- requires: check_skill_message_retry
-- requires: check_skill_message_batch
-- requires: message_life
--
-- All or nothing: whatever an element breaks undoes those before it. One subtransaction for the
-- whole batch, not one for each element, which is why this does not call send_skill_message.

BEGIN;

CREATE FUNCTION public.send_skill_messages(messages jsonb) RETURNS text[]
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := public.current_skill_message_tenant();
    v_ids text[] := ARRAY[]::text[];
    v_element jsonb;
    v_id text COLLATE "C";
    v_from_user_id text;
    v_place text := '';
    v_constraint text;
    v_column text;
    v_hint text;
BEGIN
    PERFORM public.check_skill_message_batch(messages);

    FOR v_element IN SELECT * FROM jsonb_array_elements(messages)
    LOOP
        v_place := format('message %s: ', cardinality(v_ids) + 1);
        v_from_user_id := v_element ->> 'from_user_id';
        IF v_from_user_id IS NULL THEN
            PERFORM public.raise_skill_message_violation('23502', NULL, 'from_user_id');
        ELSIF (v_from_user_id = current_setting('app.current_user_id', true)) IS NOT TRUE THEN
            PERFORM public.current_skill_message_tenant(v_from_user_id);
        END IF;

        v_id := coalesce(v_element ->> 'id', public.new_skill_message_id());
        INSERT INTO public.skill_messages AS m (
            id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
            proposed_parent_skill_id
        )
        VALUES (
            v_id, v_tenant_id, v_from_user_id, v_element ->> 'to_user_id',
            v_element ->> 'subject_skill_id', coalesce(v_element ->> 'message', ''),
            v_element ->> 'proposed_parent_skill_id'
        )
        ON CONFLICT DO NOTHING;

        IF NOT FOUND THEN
            PERFORM public.check_skill_message_retry(
                v_tenant_id, v_id, v_from_user_id, v_element ->> 'to_user_id',
                v_element ->> 'subject_skill_id', v_element ->> 'message',
                v_element ->> 'proposed_parent_skill_id'
            );
        END IF;

        v_ids := array_append(v_ids, v_id);
    END LOOP;

    RETURN v_ids;
EXCEPTION
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS
            v_constraint = CONSTRAINT_NAME, v_column = COLUMN_NAME, v_hint = PG_EXCEPTION_HINT;
        PERFORM public.raise_skill_message_violation(sqlstate, v_constraint, v_column, v_place);
        RAISE EXCEPTION '%', v_place || sqlerrm
            USING ERRCODE = sqlstate,
                  HINT = coalesce(nullif(v_hint, ''), 'None of the messages was stored.');
END;
$$;

COMMENT ON FUNCTION public.send_skill_messages(jsonb) IS
'Sends many messages, all or nothing, and returns their ids in the order of the input. messages: a
JSON array of 1 to 1000 objects whose keys are the arguments of send_skill_message().
Errors: those of send_skill_message(), with the position of the element, counting from 1; 22023 no
such array, an unknown key or a value that is no string.';

REVOKE ALL ON FUNCTION public.send_skill_messages(jsonb) FROM public;
GRANT EXECUTE ON FUNCTION public.send_skill_messages(jsonb)
TO skill_messages_service, skill_messages_app;

COMMIT;
