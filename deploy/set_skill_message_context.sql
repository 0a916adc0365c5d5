-- Deploy skill_messages:set_skill_message_context to pg
-- requires: roles
--
-- SET LOCAL: the context ends with the transaction, which is what makes a pooled connection safe.
-- Both settings are always written, so that no user of an earlier call in the transaction lingers.

BEGIN;

CREATE FUNCTION public.set_skill_message_context(
    tenant_id text,
    user_id text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(tenant_id, '') = '' THEN
        RAISE EXCEPTION 'tenant_id: no tenant given'
            USING ERRCODE = 'SM001',
                  HINT = 'Give the id of the tenant on whose behalf this transaction runs.';
    END IF;

    EXECUTE format(
        'SET LOCAL app.current_tenant_id = %L; SET LOCAL app.current_user_id = %L',
        tenant_id, coalesce(user_id, '')
    );
END;
$$;

COMMENT ON FUNCTION public.set_skill_message_context(text, text) IS
'Says on whose behalf the current transaction runs; forgotten when it ends.
tenant_id: the tenant, never null or empty. user_id: the signed-in user, which skill_messages_app
needs.
Errors: SM001 no tenant given.';

REVOKE ALL ON FUNCTION public.set_skill_message_context(text, text) FROM public;
GRANT EXECUTE ON FUNCTION public.set_skill_message_context(text, text)
TO skill_messages_service, skill_messages_app;

COMMIT;
