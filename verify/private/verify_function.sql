-- Verify skill_messages:private/verify_function on pg
--
-- What checks the others is checked by itself, in full: that it raises, and that it is what it asks
-- of others. With it, the functions that came before it.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    c_signature CONSTANT text :=
        'skill_messages_private.verify_function(text, text, text, text[], text)';
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_proc AS p
        INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace AND n.nspowner = p.proowner
        WHERE p.oid = to_regprocedure(c_signature)
            AND pg_get_function_arguments(p.oid) =
                    'signature text, arguments text, result text, callers text[], '
                    'volatility text DEFAULT ''volatile''::text'
            AND pg_get_function_result(p.oid) = 'void'
            AND NOT p.prosecdef
            AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT EXISTS (
                SELECT
                FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
                WHERE g.grantee <> p.proowner
            )
    ) THEN
        RAISE EXCEPTION '% is missing, changed, or its security is', c_signature;
    END IF;

    BEGIN
        PERFORM skill_messages_private.verify_function(c_signature, 'x text', 'text', '{app}');
    EXCEPTION
        WHEN raise_exception THEN
            IF sqlerrm LIKE '%arguments%result%volatility%who may execute it%' THEN
                RETURN;
            END IF;
    END;
    RAISE EXCEPTION '% does not raise what it should', c_signature;
END;
$$;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.revoke_from_all(text)', 'IN object text', NULL, '{}'
);

SELECT skill_messages_private.verify_function(
    'skill_messages_private.begin_change()', '', NULL, '{}'
);

SELECT skill_messages_private.verify_function(
    'skill_messages_private.has_host_key(regclass)', 'host regclass', 'boolean', '{}', 'stable'
);

SELECT skill_messages_private.verify_function(
    'skill_messages_private.operations()', '', 'SETOF text', '{}', 'immutable'
);

SELECT skill_messages_private.verify_function(
    'skill_messages_private.preflight()', '', 'void', '{}', 'stable'
);

ROLLBACK;
