-- Revert skill_messages_citus:distribution from pg
--
-- One transaction: the rows are on the workers, or here. Citus makes the tables anew, without
-- comments, and the views on them without comments and grants. So these are put back. Of the
-- package nothing stays on the workers but its roles.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = on;
SET LOCAL "citus.enable_unsafe_triggers" = on;
SET LOCAL "citus.multi_shard_modify_mode" = 'sequential';
SET LOCAL client_min_messages = warning;

DO $$
DECLARE
    v_relations CONSTANT regclass[] := ARRAY(
        WITH RECURSIVE relations AS (
            SELECT relation AS oid FROM skill_messages_private.citus_tables()
            UNION
            SELECT r.ev_class
            FROM relations
            INNER JOIN pg_depend AS d
                ON d.refobjid = relations.oid AND d.classid = 'pg_rewrite'::regclass
            INNER JOIN pg_rewrite AS r ON d.objid = r.oid
        )

        SELECT oid::regclass FROM relations
    );
    v_statement text;
    v_statements text[];
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.skill_messages'::regclass
    ) THEN
        RETURN;
    END IF;

    -- By the names that the tables have before and after.
    v_statements := ARRAY(
        SELECT format('COMMENT ON %s IS %L', o.object, d.description)
        FROM pg_description AS d
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN d.objsubid > 0 THEN format('COLUMN %s.%I', c.oid::regclass, (
                    SELECT a.attname FROM pg_attribute AS a
                    WHERE a.attrelid = c.oid AND a.attnum = d.objsubid
                ))
                WHEN c.relkind = 'v' THEN format('VIEW %s', c.oid::regclass)
                ELSE format('TABLE %s', c.oid::regclass)
            END
            FROM pg_class AS c
            WHERE d.classoid = 'pg_class'::regclass AND c.oid = d.objoid
                AND c.oid = ANY (v_relations)
            UNION ALL
            SELECT format('INDEX %s', i.indexrelid::regclass)
            FROM pg_index AS i
            WHERE d.classoid = 'pg_class'::regclass AND i.indexrelid = d.objoid
                AND i.indrelid = ANY (v_relations)
            UNION ALL
            SELECT format('CONSTRAINT %I ON %s', k.conname, k.conrelid::regclass)
            FROM pg_constraint AS k
            WHERE d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid
                AND k.conrelid = ANY (v_relations)
            UNION ALL
            SELECT format('TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
            FROM pg_trigger AS t
            WHERE d.classoid = 'pg_trigger'::regclass AND t.oid = d.objoid
                AND t.tgrelid = ANY (v_relations)
            UNION ALL
            SELECT format('POLICY %I ON %s', p.polname, p.polrelid::regclass)
            FROM pg_policy AS p
            WHERE d.classoid = 'pg_policy'::regclass AND p.oid = d.objoid
                AND p.polrelid = ANY (v_relations)
            UNION ALL
            SELECT format('STATISTICS %I.%I', s.stxnamespace::regnamespace, s.stxname)
            FROM pg_statistic_ext AS s
            WHERE d.classoid = 'pg_statistic_ext'::regclass AND s.oid = d.objoid
                AND s.stxrelid = ANY (v_relations)
        ) AS o (object)
        UNION ALL
        SELECT format('GRANT %s ON %s TO %s%s', acl.privilege_type, c.oid::regclass,
            CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END,
            CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM pg_class AS c
        CROSS JOIN aclexplode(c.relacl) AS acl
        WHERE c.relkind = 'v' AND c.oid = ANY (v_relations) AND acl.grantee <> c.relowner
        UNION ALL
        -- Of a system column: Citus forgets it.
        SELECT format('GRANT %s (%I) ON %s TO %s', acl.privilege_type, a.attname,
            a.attrelid::regclass, acl.grantee::regrole)
        FROM pg_attribute AS a
        CROSS JOIN aclexplode(a.attacl) AS acl
        WHERE a.attrelid = ANY (v_relations) AND a.attnum < 0
    );

    PERFORM undistribute_table('public.skill_messages', cascade_via_foreign_keys => true);

    FOREACH v_statement IN ARRAY v_statements
    LOOP
        EXECUTE v_statement;
    END LOOP;
END;
$$;

COMMIT;

-- Only now: until that commit, the tables on the workers need the functions.
BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $do$
DECLARE
    v_failed text;
BEGIN
    PERFORM citus_unmark_object_distributed(o.classid, o.objid, o.objsubid, false)
    FROM pg_dist_object AS o
    LEFT JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND o.objid = p.oid
    WHERE 'skill_messages_private'::regnamespace IN (
        p.pronamespace, CASE WHEN o.classid = 'pg_namespace'::regclass THEN o.objid END
    );

    SELECT string_agg(format('%s:%s: %s', n.nodename, n.nodeport, n.result), E'\n')
    INTO v_failed
    FROM run_command_on_workers('DO $$ BEGIN SET LOCAL citus.enable_ddl_propagation = off; '
        'SET LOCAL client_min_messages = warning; '
        'DROP SCHEMA IF EXISTS skill_messages_private CASCADE; END; $$') AS n
    WHERE NOT n.success;
    IF v_failed IS NOT NULL THEN
        RAISE EXCEPTION 'a worker keeps the schema skill_messages_private: %', v_failed
            USING HINT = 'Drop it there, and revert again. All rows are here already.';
    END IF;
END;
$do$;

COMMIT;
