-- Deploy skill_messages:operations/get_messages to pg
-- requires: private/check_skill_message_page
-- requires: private/check_skill_message_caller
-- requires: isolation/user_isolation
--
-- The inbox and the sent box: two functions from one text. They differ only in the column that
-- holds the user. Keyset paging: every page costs the same, however deep it is. The row comparison
-- stays one index condition for two reasons: infinity stands for "from the newest", and COALESCE
-- stays out of the query. The planner takes COALESCE for leaky, so under row-level security it
-- would be a filter.

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
        ('get_messages_for_user', 'to_user_id', 'received'),
        ('get_messages_from_user', 'from_user_id', 'sent')
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
    answered_at timestamptz
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
    -- The common case needs no closer check: that call would cost as much as ten messages.
    IF (
        v_tenant_id <> ''
        AND v_user_id <> '' AND v_user_id = current_setting('app.current_user_id', true)
        AND max_messages BETWEEN 1 AND 1000
        AND (before_created_at IS NULL) = (before_id IS NULL)
    ) IS NOT TRUE THEN
        PERFORM skill_messages_private.check_skill_message_page(
            v_user_id, max_messages, before_created_at, before_id
        );
    END IF;

    RETURN QUERY
    SELECT
        m.id, m.tenant_id, m.from_user_id, m.to_user_id, m.subject_skill_id,
        m.proposed_parent_skill_id, m.message, m.status, m.created_at, m.read_at, m.answered_at
    FROM public.skill_messages AS m
    WHERE m.tenant_id = v_tenant_id
        AND m.%I = v_user_id
        AND (m.created_at, m.id COLLATE "C") < (v_before_created_at, v_before_id COLLATE "C")
    ORDER BY m.created_at DESC, m.id COLLATE "C" DESC
    LIMIT max_messages;

    IF NOT FOUND AND NOT (
        pg_has_role('skill_messages_app', 'USAGE')
        OR pg_has_role('skill_messages_service', 'USAGE')
    ) THEN
        PERFORM skill_messages_private.check_skill_message_caller();
    END IF;
END;
$$;
        $create$, v_function, v_mine);

        v_signature := format('public.%I(text, integer, timestamptz, text)', v_function);
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', v_signature, format(
'The messages that a user %s, newest first; those of one time by id, descending.
user_id: the user in the context, if null. max_messages: 1 to 1000. before_created_at, before_id:
created_at and id of the last message of the page before; both null for the first page.
Errors: SM001 no context; 22023 an argument is out of range, or no user is given and none in the
context; 42501 user_id is not the signed-in user, or the caller has the rights of neither role.',
            v_did
        ));
        CALL skill_messages_private.revoke_from_all(v_signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO skill_messages_service, skill_messages_app',
            v_signature);
    END LOOP;
END;
$do$;

COMMIT;
