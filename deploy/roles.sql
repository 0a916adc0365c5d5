-- Deploy skill_messages:roles to pg
--
-- Roles belong to the cluster, not to one database: they may be here already, made by the
-- deployment to a neighbouring database or by an administrator. Those are used as they are, once
-- they prove harmless.

BEGIN;

DO $$
DECLARE
    v_role record;
BEGIN
    FOR v_role IN
        SELECT *
        FROM (VALUES
            ('skill_messages_service', 'trusted server code: everything within the current tenant'),
            ('skill_messages_app', 'one signed-in user: the messages this user sent or received'),
            ('skill_messages_retention', 'retention and erasure: deletes, and reads no text')
        ) AS wanted (name, purpose)
        LEFT JOIN pg_catalog.pg_roles ON rolname = wanted.name
    LOOP
        IF v_role.rolname IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', v_role.name);
            EXECUTE format('COMMENT ON ROLE %I IS %L', v_role.name,
                v_role.purpose || ' (created by skill_messages)');
        ELSIF v_role.rolsuper OR v_role.rolbypassrls OR v_role.rolcanlogin THEN
            RAISE EXCEPTION 'role % exists and is a superuser, bypasses RLS or may log in',
                v_role.name
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOLOGIN', v_role.name);
        ELSE
            RAISE NOTICE 'role % exists already and is used as it is', v_role.name;
        END IF;
    END LOOP;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the deploying role % may not create roles', current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Grant it CREATEROLE, or have an administrator create the NOLOGIN roles '
                         'skill_messages_service, skill_messages_app and '
                         'skill_messages_retention, then deploy again.';
END;
$$;

COMMIT;
