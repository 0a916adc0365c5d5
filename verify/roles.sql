-- Verify skill_messages:roles on pg
--
-- What the roles may be beside these privileges is for preflight().

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_role text;
    v_schema text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY[
        'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
    ]
    LOOP
        IF to_regrole(v_role) IS NULL THEN
            RAISE EXCEPTION 'role % is missing', v_role;
        END IF;

        FOREACH v_schema IN ARRAY ARRAY['public', 'skill_messages_private']
        LOOP
            IF NOT has_schema_privilege(v_role, v_schema, 'USAGE') THEN
                RAISE EXCEPTION 'role % has no USAGE on schema %', v_role, v_schema
                    USING HINT = format('GRANT USAGE ON SCHEMA %I TO %I', v_schema, v_role);
            END IF;
        END LOOP;
    END LOOP;
END;
$$;

ROLLBACK;
