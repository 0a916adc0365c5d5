-- Revert skill_messages_citus:policies from pg
--
-- In one transaction: between the two sets of policies nobody sees a row.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;
SET LOCAL client_min_messages = warning;

CALL skill_messages_private.short_locks(
    'LOCK TABLE public.tenants, public.users, public.skills, public.skill_messages'
);

DO $$
DECLARE
    v_policy record;
BEGIN
    IF NOT EXISTS (
        SELECT FROM skill_messages_private.before_citus WHERE part = 'policies'
    ) THEN
        RETURN;
    END IF;

    FOR v_policy IN
        SELECT p.polname, t.relation
        FROM skill_messages_private.citus_tables() AS t
        INNER JOIN pg_policy AS p ON p.polrelid = t.relation AND t.made_by_package
    LOOP
        EXECUTE format('DROP POLICY %I ON %s', v_policy.polname, v_policy.relation);
    END LOOP;
    CALL skill_messages_private.restore_before_citus('policies');
END;
$$;

DROP FUNCTION IF EXISTS skill_messages_private.is_current_tenant(text);

COMMIT;
