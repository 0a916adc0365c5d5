-- Deploy skill_messages:operations/set_skill_message_context to pg
-- requires: private/check_skill_message_context
--
-- SET LOCAL: the context ends with the transaction, which makes a pooled connection safe. Each call
-- writes both settings, so that the user of an earlier call in the transaction does not stay. The
-- third setting notes that this function chose the tenant.

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
                  HINT = 'Give the id of a tenant and the id of one of its users.';
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
'Sets the tenant and the user on whose behalf the current transaction runs. The context ends with
the transaction.
Call it as a statement of its own: first in the transaction, or first of several statements in one
simple query. In SELECT f(…) FROM set_skill_message_context(…) it also comes first, but only if it
is alone in that FROM and there is no WHERE. Next to another table, PostgreSQL may read that table
before the context is set, and row-level security then hides its rows without an error.
A transaction acts for one tenant and, as skill_messages_app, for one user. One call chooses both;
they stay until the transaction ends. A tenant that the connection has as its default may be
replaced. As long as nothing was chosen, whoever may call this function can choose any tenant: do
not publish it in an API.
tenant_id: the tenant, never null or empty. user_id: the signed-in user, which skill_messages_app
needs. Both: at most 255 bytes.
Errors: SM001 no tenant given; SM005 this transaction or session already acts for another tenant or
user; 22023 an argument is longer than 255 bytes.';

CALL skill_messages_private.revoke_from_all('public.set_skill_message_context(text, text)');
GRANT EXECUTE ON FUNCTION public.set_skill_message_context(text, text)
TO skill_messages_service, skill_messages_app, skill_messages_retention;

COMMIT;
