-- Verify skill_messages:tables/host_tables on pg
--
-- An adopted table is its owner's to isolate, and preflight() has looked at its columns; one that
-- the package made is checked in full.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_table text;
    v_relation text;
    v_oid regclass;
    v_own_tenant text;
    v_others text;
BEGIN
    PERFORM skill_messages_private.preflight();

    FOREACH v_table IN ARRAY ARRAY['tenants', 'users', 'skills']
    LOOP
        v_relation := 'public.' || v_table;
        v_oid := to_regclass(v_relation);
        IF v_oid IS NULL THEN
            RAISE EXCEPTION '% is missing', v_relation;
        END IF;

        CONTINUE WHEN coalesce(obj_description(v_oid, 'pg_class'), '')
            NOT LIKE '%(created by skill_messages)';

        IF NOT EXISTS (
            SELECT FROM pg_class
            WHERE oid = v_oid AND relrowsecurity AND relforcerowsecurity AND relpersistence = 'p'
        ) THEN
            RAISE EXCEPTION '% does not force row-level security, or is unlogged', v_relation;
        END IF;

        v_own_tenant := format(
            '(%I = current_setting(''app.current_tenant_id''::text, true))',
            CASE v_table WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
        );
        PERFORM skill_messages_private.verify_policy(v_relation, 'tenant_isolation',
            'restrictive', 'all', '{public}', v_own_tenant, v_own_tenant);
        PERFORM skill_messages_private.verify_policy(v_relation, 'always_current_tenant',
            'restrictive', 'select', '{public}', format(
                'CASE WHEN (%I = ANY (ARRAY[( SELECT '
                'current_setting(''app.current_tenant_id''::text, true) AS current_setting)])) '
                'THEN true ELSE false END',
                CASE v_table WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
            ), NULL);
        PERFORM skill_messages_private.verify_policy(v_relation, 'tenant_access',
            'permissive', 'all', '{skill_messages_app,skill_messages_service}',
            v_own_tenant, v_own_tenant);

        IF EXISTS (
            SELECT FROM pg_policy
            WHERE polrelid = v_oid AND polpermissive AND polname <> 'tenant_access'
        ) THEN
            RAISE EXCEPTION 'another permissive policy stands beside tenant_access on %',
                v_relation;
        ELSIF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = v_oid AND NOT tgisinternal) THEN
            RAISE EXCEPTION '% has a trigger', v_relation;
        ELSIF EXISTS (SELECT FROM pg_rewrite WHERE ev_class = v_oid) THEN
            RAISE EXCEPTION '% has a rule', v_relation;
        ELSIF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = v_oid) THEN
            RAISE EXCEPTION '% has a parent, whose policies are not its own', v_relation;
        ELSIF EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = v_oid AND attname = 'name' AND attstattarget IS DISTINCT FROM 0
        ) THEN
            RAISE EXCEPTION 'statistics are kept of the names in %', v_relation
                USING HINT = format(
                    'ALTER TABLE %s ALTER name SET STATISTICS 0; ANALYZE', v_relation
                );
        END IF;

        SELECT string_agg(wanted.definition, ', ')
        INTO v_others
        FROM (VALUES
            ('tenants', 'PRIMARY KEY (id)'),
            ('users', 'PRIMARY KEY (id, tenant_id)'),
            ('users', 'CHECK ((tenant_id <> ''''::text))'),
            ('users', 'FOREIGN KEY (tenant_id) REFERENCES public.tenants(id)'),
            ('skills', 'PRIMARY KEY (id, tenant_id)'),
            ('skills', 'CHECK ((tenant_id <> ''''::text))'),
            ('skills', 'FOREIGN KEY (tenant_id) REFERENCES public.tenants(id)'),
            (v_table, 'CHECK ((id <> ''''::text))')
        ) AS wanted (name, definition)
        WHERE wanted.name = v_table AND wanted.definition NOT IN (
            SELECT pg_get_constraintdef(c.oid)
            FROM pg_constraint AS c
            WHERE c.conrelid = v_oid AND c.convalidated
        );
        IF v_others IS NOT NULL THEN
            RAISE EXCEPTION '% lacks: %', v_relation, v_others;
        END IF;

        v_others := skill_messages_private.other_grantees(v_relation,
            'skill_messages_service', 'skill_messages_app');
        IF v_others IS NOT NULL THEN
            RAISE NOTICE 'privileges on % have also: %', v_relation, v_others;
        END IF;
    END LOOP;
END;
$$;

ROLLBACK;
