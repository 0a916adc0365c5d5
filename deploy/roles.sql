-- Deploy skill_messages:roles to pg
-- requires: preflight
--
-- Roles belong to the cluster, not to one database: they may be here already, made by the
-- deployment to a neighbouring database or by an administrator. preflight() has found those
-- harmless; who is a member of them already is told in a notice.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_role record;
BEGIN
    FOR v_role IN
        SELECT
            wanted.name, wanted.purpose, r.oid,
            (
                SELECT string_agg(m.member::regrole::text, ', ' ORDER BY m.member::regrole::text)
                FROM pg_auth_members AS m
                WHERE m.roleid = r.oid
            ) AS members
        FROM (VALUES
            ('skill_messages_service', 'trusted server code: everything within the current tenant'),
            ('skill_messages_app', 'one signed-in user: the messages this user sent or received'),
            ('skill_messages_retention', 'retention and erasure: deletes, and reads no text')
        ) AS wanted (name, purpose)
        LEFT JOIN pg_roles AS r ON r.rolname = wanted.name
    LOOP
        IF v_role.oid IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', v_role.name);
            EXECUTE format('COMMENT ON ROLE %I IS %L', v_role.name,
                v_role.purpose || ' (created by skill_messages)');
        ELSE
            RAISE NOTICE 'role % exists already and is used as it is; its members: %',
                v_role.name, coalesce(v_role.members, 'none');
        END IF;
    END LOOP;
END;
$$;

GRANT USAGE ON SCHEMA skill_messages_private
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
