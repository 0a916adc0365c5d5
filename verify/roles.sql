-- Verify skill_messages:roles on pg

BEGIN;

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY[
        'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
    ]
    LOOP
        IF NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_roles
            WHERE rolname = v_role AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcanlogin
        ) THEN
            RAISE EXCEPTION 'role % is missing, a superuser, bypasses RLS or may log in', v_role;
        END IF;

        IF NOT has_schema_privilege(v_role, 'public', 'USAGE') THEN
            RAISE EXCEPTION 'role % has no USAGE on schema public', v_role
                USING HINT = format('GRANT USAGE ON SCHEMA public TO %I', v_role);
        END IF;
    END LOOP;
END;
$$;

ROLLBACK;
