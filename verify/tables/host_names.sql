-- Verify skill_messages:tables/host_names on pg
--
-- Where the names come from is the host's business; that the views read as their caller is not.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT
    id,
    name
FROM skill_messages_private.tenant_names
WHERE false;

SELECT
    tenant_id,
    id,
    name
FROM skill_messages_private.user_names
WHERE false;

SELECT
    tenant_id,
    id,
    name
FROM skill_messages_private.skill_names
WHERE false;

DO $$
DECLARE
    v_view text;
    v_others text;
BEGIN
    FOREACH v_view IN ARRAY ARRAY['tenant_names', 'user_names', 'skill_names']
    LOOP
        v_view := 'skill_messages_private.' || v_view;
        IF NOT EXISTS (
            SELECT FROM pg_class AS c
            INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspowner = c.relowner
            WHERE c.oid = v_view::regclass AND c.relkind = 'v'
                AND c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on']
        ) THEN
            RAISE EXCEPTION '% does not read as its caller, or has another owner', v_view
                USING HINT = format('ALTER VIEW %s SET (security_invoker = true)', v_view);
        END IF;

        PERFORM
            skill_messages_private.verify_privileges(v_view, 'skill_messages_service', 'SELECT'),
            skill_messages_private.verify_privileges(v_view, 'skill_messages_app', 'SELECT');
        v_others := skill_messages_private.other_grantees(v_view,
            'skill_messages_service', 'skill_messages_app');
        IF v_others IS NOT NULL THEN
            RAISE EXCEPTION '% is open to others: %', v_view, v_others;
        END IF;
    END LOOP;
END;
$$;

ROLLBACK;
