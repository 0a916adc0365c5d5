-- Deploy skill_messages:private/revoke_from_all to pg
-- requires: preflight
--
-- ALTER DEFAULT PRIVILEGES may have opened a fresh object to anybody, not only to PUBLIC. Each
-- change calls this before it grants what it means to grant.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE PROCEDURE skill_messages_private.revoke_from_all(object text)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_kind CONSTANT text := CASE WHEN object LIKE '%(%' THEN 'ROUTINE' ELSE 'TABLE' END;
    v_grantee text;
BEGIN
    FOR v_grantee IN
        SELECT DISTINCT CASE g.grantee
            WHEN 0 THEN 'public' ELSE pg_get_userbyid(g.grantee)::text
        END
        FROM (
            SELECT c.relowner AS owner, c.relacl AS acl
            FROM pg_class AS c
            WHERE v_kind = 'TABLE' AND c.oid = object::regclass
            UNION ALL
            SELECT p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
            FROM pg_proc AS p
            WHERE v_kind = 'ROUTINE' AND p.oid = object::regprocedure
        ) AS o
        CROSS JOIN aclexplode(o.acl) AS g
        WHERE g.grantee <> o.owner
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %I CASCADE',
            v_kind,
            CASE v_kind
                WHEN 'TABLE' THEN object::regclass::text ELSE object::regprocedure::text
            END,
            v_grantee);
    END LOOP;
END;
$$;

COMMENT ON PROCEDURE skill_messages_private.revoke_from_all IS
'Takes every privilege on a table, view or function from everybody but its owner.
object: its qualified name; for a function, with the types of its arguments.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.revoke_from_all(text)');
CALL skill_messages_private.revoke_from_all('skill_messages_private.begin_change()');
CALL skill_messages_private.revoke_from_all('skill_messages_private.has_host_key(regclass)');
CALL skill_messages_private.revoke_from_all('skill_messages_private.operations()');
CALL skill_messages_private.revoke_from_all('skill_messages_private.preflight()');

COMMIT;
