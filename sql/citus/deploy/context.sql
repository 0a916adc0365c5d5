-- Deploy skill_messages_citus:context to pg
-- requires: roles
--
-- Citus sends SET LOCAL to the workers, but not set_config(), and outside BEGIN only from within a
-- function that a query of a function calls. It sends the text of the whole EXECUTE, hence one
-- setting in each. A worker gets them when its transaction begins. A read outside BEGIN would begin
-- none, see no context, and return nothing without an error. So the third statement has Citus begin
-- one: it locks rows, of which there are none, so no worker is asked. Where nothing may be locked,
-- EXPLAIN ANALYZE does the same, for two more round trips between the nodes.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

CREATE OR REPLACE FUNCTION skill_messages_private.set_citus_context(
    tenant_id text,
    user_id text
) RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := tenant_id;
BEGIN
    EXECUTE format('SET LOCAL app.current_tenant_id = %L', tenant_id);
    EXECUTE format('SET LOCAL app.current_user_id = %L', user_id);

    IF current_setting('transaction_read_only') = 'off' THEN
        PERFORM FROM public.skill_messages AS m
        WHERE m.tenant_id = v_tenant_id AND false
        FOR UPDATE;
    ELSE
        EXECUTE format(
            'EXPLAIN (ANALYZE, TIMING off, SUMMARY off) '
            'SELECT FROM public.skill_messages WHERE tenant_id = %L AND false', tenant_id
        );
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.set_citus_context(text, text) IS
'For set_skill_message_context(): sets the context here and on each worker that the transaction
reaches.
tenant_id, user_id: as checked; the user is empty for none.';

CALL skill_messages_private.own_citus_function(
    'skill_messages_private.set_citus_context(text, text)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.set_citus_context(text, text)
TO skill_messages_service, skill_messages_app, skill_messages_retention;

-- Only the statement that sets the context becomes another one. What checks it stays as it is.
DO $do$
DECLARE
    c_function CONSTANT regprocedure := 'public.set_skill_message_context(text, text)';
    v_before text := pg_get_functiondef(c_function);
    v_after text := regexp_replace(v_before, $$EXECUTE format\(\s*'SET LOCAL app[^']*'[^;]*;$$,
        $$PERFORM skill_messages_private.set_citus_context(tenant_id, coalesce(user_id, ''));$$);
BEGIN
    IF v_before LIKE '%set_citus_context%' THEN
        RETURN;
    ELSIF v_before = v_after THEN
        RAISE EXCEPTION '% is not as this project expects it', c_function
            USING HINT = 'It is made for another release of skill_messages.';
    END IF;

    -- The triggers of skill_messages look at their own row only, which Citus cannot know.
    PERFORM skill_messages_private.keep_before_citus('context', ARRAY[v_before] || ARRAY(
        SELECT format('ALTER DATABASE %I %s', current_database(), coalesce(
            (
                SELECT format('SET %s = %L', wanted.name, split_part(known.setting, '=', 2))
                FROM pg_db_role_setting AS s
                INNER JOIN pg_database AS d
                    ON s.setdatabase = d.oid AND d.datname = current_database()
                CROSS JOIN unnest(s.setconfig) AS known (setting)
                WHERE s.setrole = 0 AND split_part(known.setting, '=', 1) = wanted.name
            ),
            'RESET ' || wanted.name
        ))
        FROM unnest(ARRAY[
            'citus.propagate_set_commands', 'citus.enable_unsafe_triggers'
        ]) AS wanted (name)
    ));
    EXECUTE v_after;
    EXECUTE format('ALTER DATABASE %I SET citus.propagate_set_commands = ''local''',
        current_database());
    EXECUTE format('ALTER DATABASE %I SET citus.enable_unsafe_triggers = on', current_database());
END;
$do$;

COMMIT;
