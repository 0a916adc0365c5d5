-- Deploy skill_messages:private/verify_policy to pg
-- requires: private/revoke_from_all
--
-- What every verify script asks of a policy.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.verify_policy(
    relation text,
    policy text,
    kind text,
    command text,
    roles text[],
    using_expression text,
    check_expression text
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_policies AS p
        WHERE format('%I.%I', p.schemaname, p.tablename) = relation
            AND p.policyname = policy
            AND lower(p.permissive) = kind
            AND lower(p.cmd) = command
            -- In the order of their names: a restored dump has another one.
            AND verify_policy.roles = ARRAY(
                SELECT granted::text FROM unnest(p.roles) AS granted ORDER BY 1
            )
            AND btrim(regexp_replace(p.qual, '\s+', ' ', 'g')) IS NOT DISTINCT FROM using_expression
            AND btrim(regexp_replace(p.with_check, '\s+', ' ', 'g'))
                IS NOT DISTINCT FROM check_expression
    ) THEN
        RAISE EXCEPTION 'the policy % on % is missing or different', policy, relation;
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.verify_policy IS
'Raises an error unless the policy exists and is exactly this one.
relation: the qualified name of its table. kind: permissive or restrictive. command: all, select,
insert, update or delete. roles: in the order of their names. using_expression, check_expression: as
the catalogue prints them, or null.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.verify_policy(text, text, text, text, text[], text, text)'
);

COMMIT;
