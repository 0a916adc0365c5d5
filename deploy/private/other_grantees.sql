-- Deploy skill_messages:private/other_grantees to pg
-- requires: private/revoke_from_all
--
-- Who else has a privilege on a table: default privileges, or a grant that nobody remembers.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.other_grantees(
    relation text,
    VARIADIC expected text[]
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT string_agg(DISTINCT grantee.name, ', ')
        FROM pg_class AS c
        CROSS JOIN LATERAL (
            SELECT c.relacl AS acl
            UNION ALL
            SELECT a.attacl FROM pg_attribute AS a WHERE a.attrelid = c.oid AND NOT a.attisdropped
        ) AS held
        CROSS JOIN aclexplode(held.acl) AS g
        CROSS JOIN LATERAL (
            SELECT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee)::text END
        ) AS grantee (name)
        WHERE c.oid = to_regclass(relation) AND g.grantee <> c.relowner
            AND grantee.name <> ALL (expected)
    );
END;
$$;

COMMENT ON FUNCTION skill_messages_private.other_grantees IS
'Names the roles that have a privilege on a table or view, or on a column of it, besides its owner
and the expected roles; null if there are none.
relation: its qualified name. expected: names of roles.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.other_grantees(text, text[])'
);

COMMIT;
