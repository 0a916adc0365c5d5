-- Deploy skill_messages_citus:distribution to pg
-- requires: policies
--
-- One transaction: until it commits the rows are here, afterwards they are on the workers. The
-- tables are locked meanwhile. Rows are copied as they are, so no trigger may look at them as if
-- they were new.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = on;
SET LOCAL "citus.enable_unsafe_triggers" = on;
SET LOCAL "citus.multi_shard_modify_mode" = 'sequential';
SET LOCAL client_min_messages = warning;

CALL skill_messages_private.short_locks(
    'LOCK TABLE public.tenants, public.users, public.skills, public.skill_messages'
);

DO $$
DECLARE
    v_function regprocedure;
    v_table record;
    v_trigger text;
    v_triggers text[];
BEGIN
    PERFORM skill_messages_private.check_citus();
    IF EXISTS (
        SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.skill_messages'::regclass
    ) THEN
        RETURN;
    END IF;

    -- What a shard calls: defaults, triggers and policies. Citus finds none of these by itself.
    FOR v_function IN
        SELECT DISTINCT p.oid::regprocedure
        FROM skill_messages_private.citus_tables() AS t
        CROSS JOIN LATERAL (
            SELECT tgfoid FROM pg_trigger WHERE tgrelid = t.relation AND NOT tgisinternal
            UNION ALL
            SELECT d.refobjid
            FROM pg_depend AS d
            LEFT JOIN pg_attrdef AS a ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
            LEFT JOIN pg_policy AS l ON d.classid = 'pg_policy'::regclass AND d.objid = l.oid
            WHERE d.refclassid = 'pg_proc'::regclass AND t.relation IN (a.adrelid, l.polrelid)
        ) AS called (oid)
        INNER JOIN pg_proc AS p ON called.oid = p.oid
        UNION ALL
        -- It becomes a trigger when notifications are switched on.
        SELECT 'skill_messages_private.notify_skill_message()'
    LOOP
        PERFORM create_distributed_function(v_function);
    END LOOP;

    v_triggers := ARRAY(
        SELECT format('ALTER TABLE %s %%s TRIGGER %I', t.relation, g.tgname)
        FROM skill_messages_private.citus_tables() AS t
        INNER JOIN pg_trigger AS g ON g.tgrelid = t.relation
        WHERE NOT g.tgisinternal AND g.tgenabled = 'O'
    );
    FOREACH v_trigger IN ARRAY v_triggers
    LOOP
        EXECUTE format(v_trigger, 'DISABLE');
    END LOOP;

    FOR v_table IN SELECT * FROM skill_messages_private.citus_tables()
    LOOP
        PERFORM create_distributed_table(v_table.relation, v_table.tenant_column,
            colocate_with => CASE v_table.relation WHEN 'public.tenants'::regclass THEN 'none'
                ELSE 'public.tenants' END);
    END LOOP;

    FOREACH v_trigger IN ARRAY v_triggers
    LOOP
        EXECUTE format(v_trigger, 'ENABLE');
    END LOOP;

    PERFORM truncate_local_data_after_distributing_table(t.relation)
    FROM skill_messages_private.citus_tables() AS t;
END;
$$;

COMMIT;
