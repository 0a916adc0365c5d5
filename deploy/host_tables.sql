-- Deploy skill_messages:host_tables to pg
-- requires: roles
--
-- tenants, users and skills belong to the host application. One that is absent is created, with
-- tenant isolation of its own; one that is present is adopted: checked, given no more than the
-- unique key (tenant_id, id) that the foreign keys need, and otherwise left alone. Comments tell
-- which is which: the revert touches nothing that is not marked "(created by skill_messages)".

BEGIN;

-- Rather fail than queue the host's writers behind a waiting deploy.
SET LOCAL lock_timeout = '5s';

DO $$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(format('public.%s needs %s', host.relname, need.wording), E'\n')
    INTO v_missing
    FROM pg_catalog.pg_class AS host
    CROSS JOIN (VALUES
        ('id', 'the column "id text" as its primary key'),
        ('tenant_id', 'the column "tenant_id text NOT NULL"')
    ) AS need (attname, wording)
    LEFT JOIN pg_catalog.pg_attribute AS att
        ON att.attrelid = host.oid AND att.attname = need.attname
        AND att.atttypid = 'text'::regtype AND att.attnotnull
    LEFT JOIN pg_catalog.pg_constraint AS pkey
        ON pkey.conrelid = host.oid AND pkey.contype = 'p' AND pkey.conkey = ARRAY[att.attnum]
    WHERE host.relnamespace = 'public'::regnamespace
        AND host.relname IN ('tenants', 'users', 'skills')
        AND (need.attname = 'id' OR host.relname <> 'tenants')
        AND (att.attnum IS NULL OR (need.attname = 'id' AND pkey.oid IS NULL));

    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'the existing tables lack what skill_messages needs of them'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = v_missing,
                  HINT = 'Change them as the detail says and deploy again. Nothing was done.';
    END IF;
END;
$$;

DO $$
DECLARE
    v_table text;
    v_created text[] := '{}';
    v_own_tenant text;
BEGIN
    IF to_regclass('public.tenants') IS NULL THEN
        CREATE TABLE public.tenants (
            id text PRIMARY KEY,
            name text NOT NULL
        );
        v_created := v_created || text 'tenants';
    END IF;

    IF to_regclass('public.users') IS NULL THEN
        CREATE TABLE public.users (
            id text PRIMARY KEY,
            tenant_id text NOT NULL REFERENCES public.tenants (id),
            name text NOT NULL
        );
        v_created := v_created || text 'users';
    END IF;

    IF to_regclass('public.skills') IS NULL THEN
        CREATE TABLE public.skills (
            id text PRIMARY KEY,
            tenant_id text NOT NULL REFERENCES public.tenants (id),
            name text NOT NULL
        );
        v_created := v_created || text 'skills';
    END IF;

    FOREACH v_table IN ARRAY v_created
    LOOP
        v_own_tenant := format(
            $p$%I = nullif(current_setting('app.current_tenant_id', true), '')$p$,
            CASE v_table WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
        );
        EXECUTE format('COMMENT ON TABLE public.%I IS %L', v_table,
            format('The %s of the host application (created by skill_messages)', v_table));
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY tenant_isolation ON public.%I AS RESTRICTIVE '
            'USING (%s) WITH CHECK (%2$s)', v_table, v_own_tenant);
        EXECUTE format('CREATE POLICY tenant_access ON public.%I '
            'TO skill_messages_service, skill_messages_app '
            'USING (%s) WITH CHECK (%2$s)', v_table, v_own_tenant);
        EXECUTE format('COMMENT ON POLICY tenant_isolation ON public.%I IS '
            '''Everybody, the owner included: the current tenant only.''', v_table);
        EXECUTE format('COMMENT ON POLICY tenant_access ON public.%I IS '
            '''Both roles: the current tenant only.''', v_table);
        EXECUTE format('COMMENT ON COLUMN public.%I.id IS ''Unique over all tenants.''', v_table);
        EXECUTE format('COMMENT ON COLUMN public.%I.name IS ''What people call it.''', v_table);
        EXECUTE format('GRANT SELECT ON public.%I '
            'TO skill_messages_service, skill_messages_app', v_table);
    END LOOP;

    FOREACH v_table IN ARRAY array_remove(v_created, 'tenants')
    LOOP
        EXECUTE format('COMMENT ON COLUMN public.%I.tenant_id IS '
            '''The tenant that it belongs to.''', v_table);
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON public.%I '
            'TO skill_messages_service', v_table);
    END LOOP;

    FOREACH v_table IN ARRAY ARRAY['users', 'skills']
    LOOP
        IF NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = to_regclass('public.' || v_table)
                AND i.indisunique AND i.indimmediate AND i.indisvalid
                AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 2
                AND ARRAY['id', 'tenant_id'] = ARRAY(
                    SELECT a.attname::text
                    FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = i.indrelid AND a.attnum IN (i.indkey[0], i.indkey[1])
                    ORDER BY 1
                )
        ) THEN
            EXECUTE format('ALTER TABLE public.%I ADD CONSTRAINT %I UNIQUE (tenant_id, id)',
                v_table, v_table || '_skill_messages_key');
            EXECUTE format('COMMENT ON CONSTRAINT %I ON public.%I IS %L',
                v_table || '_skill_messages_key', v_table,
                'What the foreign keys of skill_messages refer to (created by skill_messages)');
        END IF;
    END LOOP;
END;
$$;

COMMIT;
