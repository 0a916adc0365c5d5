-- Deploy skill_messages_citus:policies to pg
-- requires: context
-- requires: rules
--
-- Citus makes a restrictive policy permissive on the shards, without a word: then it admits rows
-- instead of refusing them. It takes no subquery in a policy either. So each command has one policy
-- here, permissive, which by itself admits the rows of the current tenant only, and for
-- skill_messages_app those of the signed-in user. Without a context nothing matches.
--
-- is_current_tenant() repeats the tenant, for the planner, as always_current_tenant does in the
-- base schema: costing next to nothing, it comes before any condition of the caller. Such a
-- condition could otherwise tell of other tenants' rows. In PL/pgSQL, since a function in SQL would
-- be put into the query, at its real cost.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;
SET LOCAL client_min_messages = warning;

CALL skill_messages_private.short_locks(
    'LOCK TABLE public.tenants, public.users, public.skills, public.skill_messages'
);

CREATE OR REPLACE FUNCTION skill_messages_private.is_current_tenant(tenant_id text) RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
COST 0.0001
AS $$
BEGIN
    RETURN tenant_id OPERATOR(pg_catalog.=)
        pg_catalog.current_setting('app.current_tenant_id', true);
END;
$$;

COMMENT ON FUNCTION skill_messages_private.is_current_tenant(text) IS
'Whether a row belongs to the tenant in the context. For policies only.';

CALL skill_messages_private.own_citus_function('skill_messages_private.is_current_tenant(text)');
GRANT EXECUTE ON FUNCTION skill_messages_private.is_current_tenant(text)
TO skill_messages_service, skill_messages_app, skill_messages_retention;

DO $do$
DECLARE
    v_table record;
    v_policy record;
    v_tenant text;
    v_roles text;
BEGIN
    PERFORM skill_messages_private.keep_before_citus('policies', ARRAY(
        SELECT statement
        FROM skill_messages_private.citus_tables() AS t
        INNER JOIN pg_policy AS p ON p.polrelid = t.relation AND t.made_by_package
        INNER JOIN pg_policies AS v
            ON v.policyname = p.polname
            AND format('%I.%I', v.schemaname, v.tablename)::regclass = t.relation
        CROSS JOIN unnest(ARRAY[
            format('CREATE POLICY %I ON public.%I AS %s FOR %s TO %s%s%s',
                v.policyname, v.tablename, v.permissive, v.cmd,
                (SELECT string_agg(
                    CASE role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(role) END, ', '
                ) FROM unnest(v.roles) AS role),
                ' USING (' || v.qual || ')', ' WITH CHECK (' || v.with_check || ')'),
            format('COMMENT ON POLICY %I ON public.%I IS %L', v.policyname, v.tablename,
                obj_description(p.oid, 'pg_policy'))
        ]) WITH ORDINALITY AS s (statement, place)
        ORDER BY v.tablename, v.policyname, s.place
    ));

    FOR v_policy IN
        SELECT p.polname, t.relation
        FROM skill_messages_private.citus_tables() AS t
        INNER JOIN pg_policy AS p ON p.polrelid = t.relation AND t.made_by_package
    LOOP
        EXECUTE format('DROP POLICY %I ON %s', v_policy.polname, v_policy.relation);
    END LOOP;

    FOR v_table IN
        SELECT * FROM skill_messages_private.citus_tables() AS t WHERE t.made_by_package
    LOOP
        v_tenant := format('skill_messages_private.is_current_tenant(%1$I) '
            'AND %1$I = current_setting(''app.current_tenant_id'', true)', v_table.tenant_column);

        IF v_table.relation <> 'public.skill_messages'::regclass THEN
            EXECUTE format('CREATE POLICY tenant_access ON %s '
                'TO skill_messages_service, skill_messages_app USING (%s) WITH CHECK (%2$s)',
                v_table.relation, v_tenant);
            CONTINUE;
        END IF;

        FOR v_policy IN VALUES
            ('tenant_reads', 'SELECT', 'CASE current_setting(''app.current_user_id'', true) '
                'WHEN to_user_id THEN true WHEN from_user_id THEN true ELSE false END'),
            ('tenant_sends', 'INSERT',
                'from_user_id = current_setting(''app.current_user_id'', true)'),
            ('tenant_changes', 'UPDATE',
                'to_user_id = current_setting(''app.current_user_id'', true)'),
            ('tenant_deletes', 'DELETE', 'true')
        LOOP
            EXECUTE format('CREATE POLICY %I ON public.skill_messages FOR %s '
                'TO skill_messages_service, skill_messages_app, skill_messages_retention '
                '%s (%s AND CASE WHEN pg_has_role(''skill_messages_app'', ''USAGE'') THEN %s '
                'ELSE true END)', v_policy.column1, v_policy.column2,
                CASE v_policy.column2 WHEN 'INSERT' THEN 'WITH CHECK' ELSE 'USING' END,
                v_tenant, v_policy.column3);
        END LOOP;
    END LOOP;
END;
$do$;

COMMIT;
