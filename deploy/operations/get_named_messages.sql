-- Deploy skill_messages:operations/get_named_messages to pg
-- requires: private/check_skill_message_page
-- requires: private/check_skill_message_caller
-- requires: isolation/user_isolation
-- requires: tables/hidden_names
--
-- The inbox and the sent box with all names: get_messages_for_user() and get_messages_from_user(),
-- and five columns more. A name is a subquery of the SELECT list, not a join: it runs for the
-- messages of the page only, finds its row by the key however many users and skills there are, and
-- leaves ORDER BY and LIMIT as they are in the page without names.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $do$
DECLARE
    v_function text;
    v_mine text;
    v_did text;
    v_signature text;
BEGIN
    FOR v_function, v_mine, v_did IN VALUES
        ('get_named_messages_for_user', 'to_user_id', 'received'),
        ('get_named_messages_from_user', 'from_user_id', 'sent')
    LOOP
        EXECUTE format($create$
CREATE OR REPLACE FUNCTION public.%I(
    user_id text DEFAULT NULL,
    max_messages integer DEFAULT 50,
    before_created_at timestamptz DEFAULT NULL,
    before_id text DEFAULT NULL
) RETURNS TABLE (
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
    v_user_id text := coalesce(user_id, nullif(current_setting('app.current_user_id', true), ''));
    v_before_created_at timestamptz := coalesce(before_created_at, 'infinity');
    v_before_id text := coalesce(before_id, '');
BEGIN
    PERFORM skill_messages_private.check_skill_message_page(
        v_user_id, max_messages, before_created_at, before_id
    );

    BEGIN
        RETURN QUERY
        SELECT
            m.id, m.tenant_id, m.from_user_id, m.to_user_id, m.subject_skill_id,
            m.proposed_parent_skill_id, m.message, m.status, m.created_at, m.read_at, m.answered_at,
            (
                SELECT tenant.name FROM skill_messages_private.tenant_names AS tenant
                WHERE tenant.id = v_tenant_id
            ),
            (
                SELECT sender.name FROM skill_messages_private.user_names AS sender
                WHERE sender.tenant_id = v_tenant_id AND sender.id = m.from_user_id
            ),
            (
                SELECT recipient.name FROM skill_messages_private.user_names AS recipient
                WHERE recipient.tenant_id = v_tenant_id AND recipient.id = m.to_user_id
            ),
            (
                SELECT subject.name FROM skill_messages_private.skill_names AS subject
                WHERE subject.tenant_id = v_tenant_id AND subject.id = m.subject_skill_id
            ),
            (
                SELECT parent.name FROM skill_messages_private.skill_names AS parent
                WHERE parent.tenant_id = v_tenant_id AND parent.id = m.proposed_parent_skill_id
            )
        FROM public.skill_messages AS m
        WHERE m.tenant_id = v_tenant_id
            AND m.%I = v_user_id
            AND (m.created_at, m.id COLLATE "C") < (v_before_created_at, v_before_id COLLATE "C")
        ORDER BY m.created_at DESC, m.id COLLATE "C" DESC
        LIMIT max_messages;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE EXCEPTION '%%', sqlerrm
                USING ERRCODE = 'insufficient_privilege',
                      HINT = 'The owner of the host''s tables has to grant the columns of the '
                             'names: skill_messages_private.hidden_names() says how.';
    END;

    IF NOT FOUND THEN
        PERFORM skill_messages_private.check_skill_message_caller();
    END IF;
END;
$$;
        $create$, v_function, v_mine);

        v_signature := format('public.%I(text, integer, timestamptz, text)', v_function);
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', v_signature, format(
'The messages that a user %s, with the names of their tenant, users and skills. Newest first; those
of one time by id, descending. A name is null where the host''s own row-level security hides it, or
where the host has none.
user_id: the user in the context, if null. max_messages: 1 to 1000. before_created_at, before_id:
created_at and id of the last message of the page before; both null for the first page.
Errors: SM001 no context; 22023 an argument is out of range, or no user is given and none in the
context; 42501 user_id is not the signed-in user, the host has not granted the caller''s role SELECT
on its tables, or the caller has the rights of neither role.',
            v_did
        ));
        CALL skill_messages_private.revoke_from_all(v_signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO skill_messages_service, skill_messages_app',
            v_signature);
    END LOOP;
END;
$do$;

COMMIT;
