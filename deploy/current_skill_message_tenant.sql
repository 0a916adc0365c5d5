-- Deploy skill_messages:current_skill_message_tenant to pg
-- requires: skill_messages
--
-- Every operation asks this first. It only turns a missing or wrong context into a clear error: the
-- policies admit nothing then, whether anybody asks or not.

BEGIN;

CREATE FUNCTION public.current_skill_message_tenant(acting_user_id text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := nullif(current_setting('app.current_tenant_id', true), '');
    v_user_id text := nullif(current_setting('app.current_user_id', true), '');
BEGIN
    IF v_tenant_id IS NULL THEN
        RAISE EXCEPTION 'app.current_tenant_id: no tenant in the context'
            USING ERRCODE = 'SM001',
                  HINT = 'First call set_skill_message_context() in this transaction.';
    END IF;

    -- Superusers are members of every role, yet no policy binds them.
    IF row_security_active('public.skill_messages') AND pg_has_role('skill_messages_app', 'USAGE')
    THEN
        IF v_user_id IS NULL THEN
            RAISE EXCEPTION 'app.current_user_id: no user in the context'
                USING ERRCODE = 'SM001',
                      HINT = 'First call set_skill_message_context() '
                             'with the signed-in user in this transaction.';
        ELSIF acting_user_id <> v_user_id THEN
            RAISE EXCEPTION 'from_user_id or user_id: "%" is not the signed-in user', acting_user_id
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'skill_messages_app acts for the user in the context only; '
                             'skill_messages_service may act for any user of the tenant.';
        END IF;
    END IF;

    RETURN v_tenant_id;
END;
$$;

COMMENT ON FUNCTION public.current_skill_message_tenant(text) IS
'The tenant in the context of the current transaction.
acting_user_id: the user an operation is asked to act for; skill_messages_app may name the signed-in
user only.
Errors: SM001 no tenant, or for skill_messages_app no user; 42501 another user than the signed-in
one.';

REVOKE ALL ON FUNCTION public.current_skill_message_tenant(text) FROM public;
GRANT EXECUTE ON FUNCTION public.current_skill_message_tenant(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
