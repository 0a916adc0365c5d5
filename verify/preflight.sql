-- Verify skill_messages:preflight on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.preflight();

DO $$
BEGIN
    IF EXISTS (
        SELECT
        FROM pg_namespace AS n
        CROSS JOIN aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS acl
        WHERE n.nspname = 'skill_messages_private' AND acl.grantee <> n.nspowner
            AND NOT (
                acl.privilege_type = 'USAGE' AND NOT acl.is_grantable
                AND acl.grantee IN (
                    to_regrole('skill_messages_service'), to_regrole('skill_messages_app'),
                    to_regrole('skill_messages_retention')
                )
            )
    ) THEN
        RAISE EXCEPTION 'the schema skill_messages_private is open to others than the three roles';
    END IF;
END;
$$;

ROLLBACK;
