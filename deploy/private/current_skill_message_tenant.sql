-- Deploy skill_messages:private/current_skill_message_tenant to pg
-- requires: private/acts_as_app
--
-- The operations call this unless the context is plainly right. It only turns a missing or wrong
-- context into a clear error: without a right context the policies admit nothing anyway.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.current_skill_message_tenant(
    argument text DEFAULT NULL,
    acting_user_id text DEFAULT NULL
) RETURNS text
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

    IF skill_messages_private.acts_as_app() THEN
        IF v_user_id IS NULL THEN
            RAISE EXCEPTION 'app.current_user_id: no user in the context'
                USING ERRCODE = 'SM001',
                      HINT = 'First call set_skill_message_context() '
                             'with the signed-in user in this transaction.';
        ELSIF acting_user_id <> v_user_id THEN
            RAISE EXCEPTION '%: "%" is not the signed-in user', argument, left(acting_user_id, 100)
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'skill_messages_app acts for the user in the context only; '
                             'skill_messages_service may act for any user of the tenant.';
        END IF;
    END IF;

    RETURN v_tenant_id;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.current_skill_message_tenant(text, text) IS
'The tenant in the context of the current transaction.
acting_user_id: the user for whom an operation is to act; skill_messages_app may act for the
signed-in user only. argument: what the operation calls that argument, for the error.
Errors: SM001 no tenant, or for skill_messages_app no user; 42501 another user than the signed-in
one.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.current_skill_message_tenant(text, text)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.current_skill_message_tenant(text, text)
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
