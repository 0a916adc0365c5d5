-- Deploy skill_messages:private/acts_as_app to pg
-- requires: roles
-- requires: private/revoke_from_all

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.acts_as_app() RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Superusers are members of every role, yet no policy binds them.
    RETURN row_security_active('public.skill_messages')
        AND pg_has_role('skill_messages_app', 'USAGE');
END;
$$;

COMMENT ON FUNCTION skill_messages_private.acts_as_app() IS
'Whether the policies for skill_messages_app hold for the caller. If so, the caller acts as one
signed-in user.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.acts_as_app()');
GRANT EXECUTE ON FUNCTION skill_messages_private.acts_as_app()
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
