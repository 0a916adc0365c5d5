-- Deploy skill_messages:tables/host_tables to pg
-- requires: roles
-- requires: private/short_locks
--
-- tenants, users and skills belong to the host application. One that is absent is created, with
-- tenant isolation of its own; one that is present is adopted: preflight() has checked it, the next
-- changes give it no more than the unique index that the foreign keys need, and it is otherwise
-- left alone. Comments tell which is which: the revert touches nothing that is not marked
-- "(created by skill_messages)".

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_table text;
    v_created text[] := '{}';
    v_own_tenant text;
BEGIN
    IF to_regclass('public.tenants') IS NULL THEN
        CREATE TABLE public.tenants (
            id text CONSTRAINT tenants_id_check CHECK (id <> ''),
            name text NOT NULL,
            PRIMARY KEY (id)
        );
        v_created := v_created || text 'tenants';
    END IF;

    -- The keys carry the tenant, so that no upsert of one tenant ever meets a row of another.
    FOREACH v_table IN ARRAY ARRAY['users', 'skills']
    LOOP
        IF to_regclass('public.' || v_table) IS NULL THEN
            CALL skill_messages_private.short_locks(format($table$
                CREATE TABLE public.%1$I (
                    id text CONSTRAINT %2$I CHECK (id <> ''),
                    tenant_id text NOT NULL REFERENCES public.tenants (id)
                    CONSTRAINT %3$I CHECK (tenant_id <> ''),
                    name text NOT NULL,
                    PRIMARY KEY (id, tenant_id)
                )
            $table$, v_table, v_table || '_id_check', v_table || '_tenant_id_check'));
            EXECUTE format('CREATE INDEX %I ON public.%I (tenant_id)',
                v_table || '_tenant_id_idx', v_table);
            EXECUTE format('COMMENT ON COLUMN public.%I.tenant_id IS '
                '''The tenant that it belongs to.''', v_table);
            v_created := v_created || v_table;
        END IF;
    END LOOP;

    FOREACH v_table IN ARRAY v_created
    LOOP
        v_own_tenant := format(
            '%I = current_setting(''app.current_tenant_id'', true)',
            CASE v_table WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
        );
        CALL skill_messages_private.revoke_from_all('public.' || v_table);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY tenant_isolation ON public.%I AS RESTRICTIVE '
            'USING (%s) WITH CHECK (%2$s)', v_table, v_own_tenant);
        -- For the planner: see isolation/tenant_isolation.
        EXECUTE format('CREATE POLICY always_current_tenant ON public.%I AS RESTRICTIVE FOR SELECT '
            'USING (CASE WHEN %I = ANY (ARRAY[(SELECT current_setting(%L, true))]) THEN true '
            'ELSE false END)', v_table, CASE v_table WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END,
            'app.current_tenant_id');
        EXECUTE format('COMMENT ON POLICY always_current_tenant ON public.%I IS '
            '''Repeats tenant_isolation so that PostgreSQL checks the tenant before any '
            'condition of the caller.''', v_table);
        EXECUTE format('CREATE POLICY tenant_access ON public.%I '
            'TO skill_messages_service, skill_messages_app '
            'USING (%s) WITH CHECK (%2$s)', v_table, v_own_tenant);
        EXECUTE format('GRANT SELECT ON public.%I '
            'TO skill_messages_service, skill_messages_app', v_table);
        EXECUTE format('GRANT %s ON public.%I TO skill_messages_service',
            CASE v_table WHEN 'tenants' THEN 'INSERT' ELSE 'INSERT, UPDATE, DELETE' END, v_table);
        -- A plan's estimates would spell out the names of other tenants.
        EXECUTE format('ALTER TABLE public.%I ALTER name SET STATISTICS 0', v_table);
        EXECUTE format('COMMENT ON TABLE public.%I IS %L', v_table,
            format('The %s of the host application (created by skill_messages)', v_table));
        EXECUTE format('COMMENT ON COLUMN public.%I.id IS %L', v_table,
            CASE v_table WHEN 'tenants' THEN 'Unique.' ELSE 'Unique within its tenant.' END);
        EXECUTE format('COMMENT ON COLUMN public.%I.name IS ''What people call it.''', v_table);
        EXECUTE format('COMMENT ON POLICY tenant_isolation ON public.%I IS '
            '''Keeps everybody, the owner included, to the rows of the current tenant.''', v_table);
        EXECUTE format('COMMENT ON POLICY tenant_access ON public.%I IS '
            '''Lets skill_messages_service and skill_messages_app reach the rows of the '
            'current tenant.''', v_table);
    END LOOP;
END;
$$;

COMMIT;
