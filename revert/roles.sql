-- Revert skill_messages:roles from pg
--
-- A role stays, with a notice, when this package did not create it or something still depends on
-- it.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DO $$
DECLARE
    v_role record;
BEGIN
    FOR v_role IN
        SELECT rolname, shobj_description(oid, 'pg_authid') AS purpose
        FROM pg_roles
        WHERE rolname IN (
            'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
        )
    LOOP
        IF to_regnamespace('skill_messages_private') IS NOT NULL THEN
            EXECUTE format('REVOKE ALL ON SCHEMA skill_messages_private FROM %I', v_role.rolname);
        END IF;

        IF v_role.purpose IS NULL OR v_role.purpose NOT LIKE '%(created by skill_messages)' THEN
            RAISE NOTICE 'role % stays: skill_messages did not create it', v_role.rolname;
            CONTINUE;
        END IF;

        BEGIN
            EXECUTE format('DROP ROLE %I', v_role.rolname);
        EXCEPTION
            WHEN dependent_objects_still_exist OR insufficient_privilege THEN
                RAISE NOTICE 'role % stays: %', v_role.rolname, sqlerrm;
        END;
    END LOOP;
END;
$$;

COMMIT;
