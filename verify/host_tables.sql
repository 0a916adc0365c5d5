-- Verify skill_messages:host_tables on pg

BEGIN;

DO $$
DECLARE
    v_table text;
    v_oid regclass;
    v_own_tenant text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['tenants', 'users', 'skills']
    LOOP
        v_oid := to_regclass('public.' || v_table);

        IF NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_constraint AS c
            INNER JOIN pg_catalog.pg_attribute AS a
                ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
            WHERE c.conrelid = v_oid AND c.contype = 'p'
                AND a.attname = 'id' AND a.atttypid = 'text'::regtype
        ) THEN
            RAISE EXCEPTION 'public.% has no primary key "id text"', v_table;
        END IF;

        IF v_table <> 'tenants' AND NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = v_oid AND a.attname = 'tenant_id'
                AND a.atttypid = 'text'::regtype AND a.attnotnull
        ) THEN
            RAISE EXCEPTION 'public.% has no column "tenant_id text NOT NULL"', v_table;
        END IF;

        -- An adopted table is its owner's to isolate; one of ours is checked.
        CONTINUE WHEN coalesce(obj_description(v_oid, 'pg_class'), '')
            NOT LIKE '%(created by skill_messages)';

        v_own_tenant := format(
            $p$(%I = NULLIF(current_setting('app.current_tenant_id'::text, true), ''::text))$p$,
            CASE v_table WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
        );

        IF NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_class
            WHERE oid = v_oid AND relrowsecurity AND relforcerowsecurity
        ) OR 2 <> (
            SELECT count(*)
            FROM pg_catalog.pg_policy
            WHERE polrelid = v_oid AND polcmd = '*'
                AND (polname, polpermissive, polroles) IN (
                    ('tenant_isolation', false, ARRAY[0::oid]),
                    ('tenant_access', true, ARRAY[
                        'skill_messages_service'::regrole::oid, 'skill_messages_app'::regrole::oid
                    ])
                )
                AND pg_get_expr(polqual, polrelid) = v_own_tenant
                AND pg_get_expr(polwithcheck, polrelid) = v_own_tenant
        ) THEN
            RAISE EXCEPTION 'public.% does not force its tenant isolation', v_table;
        END IF;
    END LOOP;
END;
$$;

ROLLBACK;
