-- Deploy skill_messages:operations/set_skill_message_context to pg
-- requires: private/check_skill_message_context
--
-- SET LOCAL: the context ends with the transaction, which is what makes a pooled connection safe.
-- Both settings are always written, so that no user of an earlier call in the transaction lingers.
-- The third says that this function chose the tenant.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.set_skill_message_context(
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
    ELSIF greatest(octet_length(tenant_id), octet_length(user_id)) > 255 THEN
        RAISE EXCEPTION '% is longer than 255 bytes',
            CASE WHEN octet_length(tenant_id) > 255 THEN 'tenant_id' ELSE 'user_id' END
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give the id of a tenant, and of a user of it.';
    END IF;

    IF concat(
        current_setting('skill_messages.tenant_id', true),
        current_setting('app.current_tenant_id', true),
        current_setting('app.current_user_id', true)
    ) <> '' THEN
        PERFORM skill_messages_private.check_skill_message_context(tenant_id, user_id);
    END IF;

    EXECUTE format(
        'SET LOCAL app.current_tenant_id = %L; SET LOCAL app.current_user_id = %L',
        tenant_id, coalesce(user_id, '')
    );
    -- Assigned, not performed: an expression is cheaper than a query.
    tenant_id := set_config('skill_messages.tenant_id', tenant_id, true);
END;
$$;

COMMENT ON FUNCTION public.set_skill_message_context(text, text) IS
'Says on whose behalf the current transaction runs; forgotten when it ends. A transaction acts for
one tenant, and as skill_messages_app for one user: both are chosen at once, and not changed before
it ends. A tenant that the connection has as its default may be replaced. Whoever may call this
where nothing was chosen yet chooses: do not publish it in an API.
tenant_id: the tenant, never null or empty. user_id: the signed-in user, which skill_messages_app
needs. Both: at most 255 bytes.
Errors: SM001 no tenant given; SM005 this transaction or session already acts for another tenant or
user; 22023 an argument is longer than 255 bytes.';

CALL skill_messages_private.revoke_from_all('public.set_skill_message_context(text, text)');
GRANT EXECUTE ON FUNCTION public.set_skill_message_context(text, text)
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
