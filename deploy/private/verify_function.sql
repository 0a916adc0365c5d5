-- Deploy skill_messages:private/verify_function to pg
-- requires: private/revoke_from_all
--
-- What every verify script asks of a function, so that it says only what is particular to its own.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.verify_function(
    signature text,
    arguments text,
    result text,
    callers text[],
    volatility text DEFAULT 'volatile'
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_callers CONSTANT text[] := ARRAY(
        SELECT CASE caller WHEN 'pg_monitor' THEN '' ELSE 'skill_messages_' END || caller
        FROM unnest(callers) AS caller
        ORDER BY 1
    );
    v_differs text;
BEGIN
    SELECT concat_ws(', ',
        CASE WHEN pg_get_function_arguments(p.oid) <> arguments
            THEN 'its arguments: ' || pg_get_function_arguments(p.oid) END,
        -- A procedure has no result.
        CASE WHEN pg_get_function_result(p.oid) IS DISTINCT FROM result
            THEN 'its result: ' || coalesce(pg_get_function_result(p.oid), 'none') END,
        CASE WHEN p.provolatile <> left(volatility, 1)::"char" THEN 'its volatility' END,
        CASE WHEN p.proowner <> n.nspowner THEN 'its owner' END,
        CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END,
        CASE WHEN p.proleakproof OR p.proisstrict OR p.proparallel <> 'u'
            THEN 'LEAKPROOF, STRICT or PARALLEL' END,
        -- A procedure that commits can have no SET clause: it sets the search_path itself. A
        -- function in SQL needs none if its names were resolved when it was made.
        CASE WHEN coalesce(p.proconfig, '{}') <> ARRAY['search_path=pg_catalog, pg_temp']
                AND NOT (
                    p.proconfig IS NULL AND (p.prokind = 'p' OR p.prosqlbody IS NOT NULL)
                )
            THEN 'its search_path' END,
        CASE WHEN l.lanname <> 'plpgsql' AND p.prosqlbody IS NULL THEN 'its language' END,
        CASE WHEN v_callers <> ARRAY(
            SELECT concat(
                CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END,
                CASE WHEN g.is_grantable THEN ' with grant option' END
            )
            FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
            WHERE g.grantee <> p.proowner
            ORDER BY 1
        ) THEN 'who may execute it' END,
        CASE WHEN EXISTS (
            SELECT FROM pg_proc AS other
            WHERE other.pronamespace = p.pronamespace AND other.proname = p.proname
                AND other.oid <> p.oid
        ) THEN 'there is another one of this name' END,
        CASE WHEN obj_description(p.oid, 'pg_proc') IS NULL THEN 'it has no comment' END
    )
    INTO v_differs
    FROM pg_proc AS p
    INNER JOIN pg_language AS l ON l.oid = p.prolang
    INNER JOIN pg_namespace AS n ON n.nspname = 'skill_messages_private'
    WHERE p.oid = to_regprocedure(signature);

    IF NOT FOUND THEN
        RAISE EXCEPTION '% is missing', signature;
    ELSIF v_differs <> '' THEN
        RAISE EXCEPTION '% differs: %', signature, v_differs;
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.verify_function IS
'Raises an error unless a function is as the package makes its functions: language plpgsql, or SQL
with its names resolved; the owner of the schema skill_messages_private; SECURITY INVOKER; a fixed
search_path; no overload.
signature: its qualified name with the types of its arguments. arguments, result: as the catalogue
prints them; the result of a procedure is null. callers: who may execute it beside the owner:
service, app, retention, pg_monitor. volatility: volatile, stable or immutable.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.verify_function(text, text, text, text[], text)'
);

COMMIT;
