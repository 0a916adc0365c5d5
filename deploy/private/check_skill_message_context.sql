-- Deploy skill_messages:private/check_skill_message_context to pg
-- requires: private/acts_as_app
--
-- A transaction acts for one tenant, and as skill_messages_app for one user, whether the function,
-- SET or set_config chose them. A default that the connection brings along (startup option, ALTER
-- ROLE or DATABASE … SET) was chosen by nobody. RESET shows it, in a block that is undone.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.check_skill_message_context(
    tenant_id text,
    user_id text
) RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What set_skill_message_context() chose before in this transaction, and what is set now.
    v_chosen text := nullif(current_setting('skill_messages.tenant_id', true), '');
    v_tenant_id text := coalesce(current_setting('app.current_tenant_id', true), '');
    v_user_id text := coalesce(current_setting('app.current_user_id', true), '');
    v_default_tenant_id text;
    v_default_user_id text;
BEGIN
    IF v_chosen IS NULL THEN
        BEGIN
            RESET app.current_tenant_id;
            RESET app.current_user_id;
            v_default_tenant_id := coalesce(current_setting('app.current_tenant_id', true), '');
            v_default_user_id := coalesce(current_setting('app.current_user_id', true), '');
            RAISE SQLSTATE 'UNDO0';
        EXCEPTION
            WHEN SQLSTATE 'UNDO0' THEN
                NULL;
        END;

        IF (v_tenant_id, v_user_id) = (v_default_tenant_id, v_default_user_id) THEN
            RETURN;
        END IF;
    END IF;

    IF tenant_id <> v_chosen OR (v_tenant_id <> '' AND tenant_id <> v_tenant_id) THEN
        RAISE EXCEPTION 'tenant_id: this transaction or session acts for another tenant'
            USING ERRCODE = 'SM005',
                  HINT = 'End the transaction first. If the session has set '
                         'app.current_tenant_id, RESET it.';
    ELSIF coalesce(user_id, '') <> v_user_id AND skill_messages_private.acts_as_app() THEN
        RAISE EXCEPTION 'user_id: this transaction or session acts for another user, or for none'
            USING ERRCODE = 'SM005',
                  HINT = 'End the transaction first, and choose tenant and user at once. If the '
                         'session has set app.current_user_id, RESET it.';
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.check_skill_message_context(text, text) IS
'Checks that the transaction may act for this tenant and user.
Errors: SM005 it acts for another tenant or, for skill_messages_app, for another user already.';

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.check_skill_message_context(text, text)'
);
GRANT EXECUTE ON FUNCTION skill_messages_private.check_skill_message_context(text, text)
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
