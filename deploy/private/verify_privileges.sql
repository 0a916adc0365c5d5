-- Deploy skill_messages:private/verify_privileges to pg
-- requires: private/revoke_from_all
--
-- What every verify script asks of the privileges on a table or view.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.verify_privileges(
    relation text,
    role text,
    privileges text
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_found text;
BEGIN
    SELECT string_agg(concat(held.privilege, ' (' || held.columns || ')', held.passed_on), ', '
        ORDER BY held.privilege)
    INTO v_found
    FROM (
        SELECT
            g.privilege_type AS privilege,
            NULL AS columns,
            CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END AS passed_on
        FROM pg_class AS c
        CROSS JOIN aclexplode(c.relacl) AS g
        WHERE c.oid = to_regclass(relation) AND g.grantee = role::regrole
        UNION ALL
        SELECT
            g.privilege_type,
            string_agg(a.attname, ', ' ORDER BY a.attnum),
            CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END
        FROM pg_attribute AS a
        CROSS JOIN aclexplode(a.attacl) AS g
        WHERE a.attrelid = to_regclass(relation) AND NOT a.attisdropped
            AND g.grantee = role::regrole
        GROUP BY g.privilege_type, g.is_grantable
    ) AS held;

    IF coalesce(v_found, 'none') <> privileges THEN
        RAISE EXCEPTION '% has other privileges on % than %: %',
            role, relation, privileges, coalesce(v_found, 'none');
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.verify_privileges IS
'Raises an error unless a role has exactly these privileges on a table or view.
relation: its qualified name. role: the grantee. privileges: in the order of their names, with the
columns: INSERT, SELECT, UPDATE (status, read_at). The word none stands for no privilege.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.verify_privileges(text, text, text)'
);

COMMIT;
