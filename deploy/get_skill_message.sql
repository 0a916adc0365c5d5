-- Deploy skill_messages:get_skill_message to pg
-- requires: raise_no_such_skill_message
-- requires: user_isolation
-- requires: host_tables
--
-- The last change of the plan, because it alone needs the column "name" of tenants, users and
-- skills: a host without them deploys up to the change before.

BEGIN;

DO $$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg('public.' || host.name, ', ' ORDER BY host.name)
    INTO v_missing
    FROM unnest(ARRAY['tenants', 'users', 'skills']) AS host (name)
    WHERE NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = to_regclass('public.' || host.name)
            AND a.attname = 'name' AND NOT a.attisdropped
    );

    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'no column "name" in %', v_missing
            USING ERRCODE = 'undefined_column',
                  HINT = 'Leave this change out: sqitch deploy --to notifications';
    END IF;
END;
$$;

CREATE FUNCTION public.get_skill_message(message_id text) RETURNS TABLE (
    id text,
    tenant_id text,
    from_user_id text,
    to_user_id text,
    subject_skill_id text,
    proposed_parent_skill_id text,
    message text,
    status text,
    created_at timestamptz,
    read_at timestamptz,
    answered_at timestamptz,
    tenant_name text,
    from_user_name text,
    to_user_name text,
    subject_skill_name text,
    proposed_parent_skill_name text
)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.current_tenant_id', true);
BEGIN
    RETURN QUERY
    SELECT
        m.id, m.tenant_id, m.from_user_id, m.to_user_id, m.subject_skill_id,
        m.proposed_parent_skill_id, m.message, m.status, m.created_at, m.read_at,
        m.answered_at, tenant.name::text, sender.name::text, recipient.name::text,
        subject.name::text, parent.name::text
    FROM public.skill_messages AS m
    LEFT JOIN public.tenants AS tenant
        ON tenant.id = m.tenant_id
    LEFT JOIN public.users AS sender
        ON sender.tenant_id = m.tenant_id AND sender.id = m.from_user_id
    LEFT JOIN public.users AS recipient
        ON recipient.tenant_id = m.tenant_id AND recipient.id = m.to_user_id
    LEFT JOIN public.skills AS subject
        ON subject.tenant_id = m.tenant_id AND subject.id = m.subject_skill_id
    LEFT JOIN public.skills AS parent
        ON parent.tenant_id = m.tenant_id AND parent.id = m.proposed_parent_skill_id
    WHERE m.tenant_id = v_tenant_id AND m.id = message_id COLLATE "C";

    IF NOT FOUND THEN
        PERFORM public.raise_no_such_skill_message(message_id);
    END IF;
END;
$$;

COMMENT ON FUNCTION public.get_skill_message(text) IS
'One message with the names of its tenant, users and skills, for whoever may see it. A name that the
host''s own row-level security hides is null.
Errors: SM001 no context; SM002 no such message for this tenant and user; 42501 the host has not
granted the caller''s role SELECT on its tables.';

REVOKE ALL ON FUNCTION public.get_skill_message(text) FROM public;
GRANT EXECUTE ON FUNCTION public.get_skill_message(text)
TO skill_messages_service, skill_messages_app;

COMMIT;
