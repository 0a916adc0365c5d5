-- Verify skill_messages_citus:distribution on pg
--
-- On every shard of every worker: the policies and privileges of the coordinator, and what the
-- roles of the package see there, without a context and with one. A shard that was opened by hand,
-- or was lost by a move, does not pass.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $do$
DECLARE
    -- %1$s is the table; c_rights also goes to the shards.
    c_rights CONSTANT text := $$
        SELECT concat_ws(' / ', c.relrowsecurity, c.relforcerowsecurity, (
            SELECT string_agg(concat_ws(' ', p.polname, p.polpermissive, p.polcmd, (
                SELECT string_agg(pg_get_userbyid(r), ',' ORDER BY pg_get_userbyid(r))
                FROM unnest(p.polroles) AS r
            ), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
                '; ' ORDER BY p.polname)
            FROM pg_policy AS p WHERE p.polrelid = c.oid
        ), (
            SELECT string_agg(concat_ws(' ', pg_get_userbyid(a.grantee), a.privilege_type),
                '; ' ORDER BY pg_get_userbyid(a.grantee), a.privilege_type)
            FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner
        ), (
            SELECT string_agg(concat_ws(' ', pg_get_userbyid(a.grantee), a.privilege_type,
                t.attname), '; ' ORDER BY pg_get_userbyid(a.grantee), a.privilege_type, t.attname)
            FROM pg_attribute AS t CROSS JOIN aclexplode(t.attacl) AS a
            WHERE t.attrelid = c.oid AND t.attnum > 0 AND a.grantee <> c.relowner
        ), (
            SELECT string_agg(concat_ws(' ', regexp_replace(g.tgname, '_\d+$', ''),
                g.tgenabled, g.tgfoid::regproc), '; ' ORDER BY g.tgname)
            FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal
                AND g.tgname !~ '^truncate_trigger'
        ))
        FROM pg_class AS c WHERE c.oid = '%1$s'::regclass
    $$;
    c_sees CONSTANT text := $$
        DO $x$
        DECLARE
            v_tenant text := (SELECT min(tenant_id) FROM %1$s);
            v_of_tenant bigint := (SELECT count(*) FROM %1$s WHERE tenant_id = v_tenant);
            v_role text;
            v_context text;
            v_seen bigint;
            v_foreign bigint;
        BEGIN
            FOREACH v_role IN ARRAY ARRAY['skill_messages_app', 'skill_messages_service',
                'skill_messages_retention']
            LOOP
                EXECUTE 'SET LOCAL ROLE ' || v_role;
                FOREACH v_context IN ARRAY ARRAY['', coalesce(v_tenant, 'x')]
                LOOP
                    PERFORM set_config('app.current_tenant_id', v_context, true),
                        set_config('app.current_user_id', '', true);
                    EXECUTE 'SELECT count(*), count(*) FILTER (WHERE tenant_id <> $1) FROM %1$s'
                    INTO v_seen, v_foreign USING v_context;
                    IF v_foreign > 0 OR v_seen <> (CASE
                        WHEN v_context = '' OR v_role = 'skill_messages_app' THEN 0
                        ELSE v_of_tenant END) THEN
                        RAISE EXCEPTION '%% sees %% messages of %1$s in the context "%%"',
                            v_role, v_seen, v_context;
                    END IF;
                END LOOP;
                RESET ROLE;
            END LOOP;
        END; $x$
    $$;
    v_table record;
    v_expected text;
    v_colocation integer;
    v_differs text;
BEGIN
    FOR v_table IN
        SELECT t.*, d.partmethod, d.colocationid,
            column_to_column_name(d.logicalrelid, d.partkey) AS distributed_by
        FROM skill_messages_private.citus_tables() AS t
        LEFT JOIN pg_dist_partition AS d ON t.relation = d.logicalrelid
    LOOP
        v_colocation := coalesce(v_colocation, v_table.colocationid);
        IF (
            v_table.partmethod = 'h' AND v_table.distributed_by = v_table.tenant_column
            AND v_table.colocationid = v_colocation
        ) IS NOT TRUE THEN
            RAISE EXCEPTION '% is not distributed by its tenant, beside the others',
                v_table.relation;
        END IF;

        EXECUTE format(c_rights, v_table.relation) INTO v_expected;
        SELECT string_agg(format('%s_%s: %s', v_table.relation, s.shardid, s.result), E'\n')
        INTO v_differs
        FROM run_command_on_shards(v_table.relation, c_rights) AS s
        WHERE s.result IS DISTINCT FROM v_expected;
        IF v_differs IS NOT NULL THEN
            RAISE EXCEPTION 'shards of % differ from it in policies, privileges or triggers',
                v_table.relation USING DETAIL = v_differs, HINT = 'Here: ' || v_expected;
        END IF;
    END LOOP;

    SELECT string_agg(s.result, E'\n')
    INTO v_differs
    FROM run_command_on_shards('public.skill_messages', c_sees) AS s
    WHERE NOT s.success;
    IF v_differs IS NOT NULL THEN
        RAISE EXCEPTION 'shards show messages that they should not, or hide some'
            USING DETAIL = v_differs;
    END IF;
END;
$do$;

ROLLBACK;
