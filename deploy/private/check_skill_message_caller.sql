-- Deploy skill_messages:private/check_skill_message_caller to pg
-- requires: roles
-- requires: private/revoke_from_all
--
-- The owner of the table may call every function, but FORCE hides every row from it. Without the
-- rights of a role, the owner would see an empty inbox and no error. So an operation that is about
-- to return nothing calls this first.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.check_skill_message_caller(
    roles text[] DEFAULT ARRAY['skill_messages_service', 'skill_messages_app']
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM unnest(roles) AS role (name) WHERE pg_has_role(role.name, 'USAGE')
    ) THEN
        RAISE EXCEPTION '% does not have the rights of %',
            current_user, array_to_string(roles, ' or ')
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('GRANT %I TO %I%s', roles[1], current_user,
                      -- There, who created a role is a member without its rights.
                      CASE WHEN current_setting('server_version_num')::integer >= 160000
                          THEN ' WITH INHERIT TRUE' ELSE '' END);
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.check_skill_message_caller(text[]) IS
'Checks that the caller has the rights of one of these roles, by default of service or app.
Errors: 42501 the caller does not have them; the hint is the GRANT.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.check_skill_message_caller(text[])'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.check_skill_message_caller(text[])
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
