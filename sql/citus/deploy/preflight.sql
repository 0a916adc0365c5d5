-- Deploy skill_messages_citus:preflight to pg
-- requires: skill_messages:monitoring/skill_messages_version
--
-- Unlike the base schema, this project alters the tables of the host: their keys get the tenant,
-- and their rows move to the workers. So it first says what it will alter, and refuses what it
-- cannot. It also keeps what stood before, as statements, for the revert.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
-- Nothing of this concerns the workers.
SET LOCAL "citus.enable_ddl_propagation" = off;

CREATE OR REPLACE FUNCTION skill_messages_private.citus_tables()
RETURNS TABLE (relation regclass, tenant_column text, made_by_package boolean)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT
        c.oid::regclass, t.tenant_column,
        c.relname = 'skill_messages'
        OR coalesce(obj_description(c.oid, 'pg_class'), '') LIKE '%(created by skill_messages)'
    FROM (VALUES
        (1, 'tenants', 'id'), (2, 'users', 'tenant_id'), (3, 'skills', 'tenant_id'),
        (4, 'skill_messages', 'tenant_id')
    ) AS t (place, name, tenant_column)
    INNER JOIN pg_class AS c
        ON t.name = c.relname AND c.relnamespace = 'public'::regnamespace
    ORDER BY t.place;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.citus_tables() IS
'The tables that are distributed, parents first, and the column by which each is. made_by_package:
whether the package made it; otherwise it is the host''s.';

CREATE OR REPLACE FUNCTION skill_messages_private.citus_keys()
RETURNS TABLE (relation regclass, name text, is_constraint boolean, definition text)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT
        t.relation, c.relname::text, k.oid IS NOT NULL,
        coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(i.indexrelid))
    FROM skill_messages_private.citus_tables() AS t
    INNER JOIN pg_index AS i ON i.indrelid = t.relation AND i.indisunique
    INNER JOIN pg_class AS c ON c.oid = i.indexrelid
    LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
    WHERE NOT EXISTS (
        SELECT FROM pg_attribute AS a
        WHERE a.attrelid = i.indrelid AND a.attname = t.tenant_column
            AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    )
    ORDER BY 1, 2;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.citus_keys() IS
'The unique keys without the tenant, which Citus cannot keep as they are.';

CREATE OR REPLACE FUNCTION skill_messages_private.check_citus() RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tables regclass[] := ARRAY(SELECT relation FROM skill_messages_private.citus_tables());
    v_findings text[] := ARRAY[]::text[];
    v_version text := (SELECT extversion FROM pg_extension WHERE extname = 'citus');
    v_workers integer;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        v_findings := v_findings || format('%s is no superuser. Row-level security would hide the '
            'rows that have to move. Deploy as one', current_user);
    END IF;

    IF v_version IS NULL THEN
        v_findings := v_findings || text 'The extension citus is missing. On every node: CREATE '
            'EXTENSION citus; then add the workers with citus_add_node()';
    ELSIF split_part(v_version, '.', 1)::integer < 13 THEN
        v_findings := v_findings || format('Citus is %s. Update it to 13 or newer', v_version);
    ELSIF (SELECT groupid FROM pg_dist_local_group) <> 0 THEN
        v_findings := v_findings || text 'This is a worker. Deploy on the coordinator';
    ELSE
        SELECT count(*) INTO v_workers
        FROM pg_dist_node
        WHERE groupid > 0 AND isactive AND shouldhaveshards AND noderole = 'primary';
        IF v_workers = 0 THEN
            v_findings := v_findings || text 'There is no worker. Add one with citus_add_node()';
        END IF;

        v_findings := v_findings || ARRAY(
            SELECT format('Node %s:%s has no prepared transactions, which a write to several nodes '
                'needs. Set max_prepared_transactions there', n.nodename, n.nodeport)
            FROM run_command_on_workers('SHOW max_prepared_transactions') AS n
            WHERE n.result = '0'
        );
    END IF;

    v_findings := v_findings || ARRAY(
        SELECT format('The foreign key %s of %s to %s has not the tenant on both sides. Drop '
            'it, or include the tenant in it', f.conname, f.conrelid::regclass,
            f.confrelid::regclass)
        FROM pg_constraint AS f
        LEFT JOIN skill_messages_private.citus_tables() AS child ON f.conrelid = child.relation
        LEFT JOIN skill_messages_private.citus_tables() AS parent ON f.confrelid = parent.relation
        WHERE f.contype = 'f' AND (child.relation IS NOT NULL OR parent.relation IS NOT NULL)
            AND NOT EXISTS (
                SELECT
                FROM unnest(f.conkey, f.confkey) AS pair (child, parent)
                INNER JOIN pg_attribute AS a
                    ON a.attrelid = f.conrelid AND pair.child = a.attnum
                    AND a.attname = child.tenant_column
                INNER JOIN pg_attribute AS b
                    ON b.attrelid = f.confrelid AND pair.parent = b.attnum
                    AND b.attname = parent.tenant_column
            )
        UNION ALL
        SELECT format('The foreign key %s of %s sets columns on DELETE or UPDATE. Use NO ACTION or '
            'ON DELETE CASCADE', f.conname, f.conrelid::regclass)
        FROM pg_constraint AS f
        WHERE f.contype = 'f' AND f.conrelid = ANY (v_tables)
            AND (f.confdeltype IN ('n', 'd') OR f.confupdtype IN ('n', 'd', 'c'))
            AND f.conname <> 'skill_messages_proposed_parent_skill_id_fkey'
        UNION ALL
        SELECT format('The unique key %s of %s has expressions, a condition of its own or excludes '
            'overlaps. Drop it', c.relname, i.indrelid::regclass)
        FROM pg_index AS i
        INNER JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = ANY (v_tables)
            AND (i.indisexclusion OR (i.indisunique AND c.relname IN (
                SELECT k.name FROM skill_messages_private.citus_keys() AS k
            ) AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR NOT i.indimmediate)))
        UNION ALL
        -- Citus makes a restrictive policy permissive on its shards, without a word.
        SELECT format('The policy %s on %s is restrictive or has a subquery. Replace it: Citus '
            'refuses subqueries, and on its shards a restrictive policy would admit rows instead '
            'of refusing them', p.polname, p.polrelid::regclass)
        FROM pg_policy AS p
        INNER JOIN skill_messages_private.citus_tables() AS t
            ON p.polrelid = t.relation AND NOT t.made_by_package
        WHERE NOT p.polpermissive
            OR concat(p.polqual::text, p.polwithcheck::text) LIKE '%{SUBLINK %'
        UNION ALL
        SELECT format('The trigger %s on %s fires for statements or is a constraint. Drop it, or '
            'make it a row-level trigger', g.tgname, g.tgrelid::regclass)
        FROM pg_trigger AS g
        WHERE g.tgrelid = ANY (v_tables) AND NOT g.tgisinternal
            AND (g.tgconstraint <> 0 OR g.tgtype & 1 = 0)
        UNION ALL
        SELECT format('%s is partitioned, inherits or is inherited. This was never tried',
            c.oid::regclass)
        FROM pg_class AS c
        WHERE c.oid = ANY (v_tables) AND (
            c.relkind <> 'r' OR c.relhassubclass
            OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
        )
        UNION ALL
        SELECT format('The function %s has the row type of %s. Give it columns of its own',
            p.oid::regprocedure, c.oid::regclass)
        FROM pg_class AS c
        INNER JOIN pg_type AS t ON t.oid = c.reltype OR t.typelem = c.reltype
        INNER JOIN pg_proc AS p ON p.prorettype = t.oid OR t.oid = ANY (p.proargtypes)
        WHERE c.oid = ANY (v_tables)
        UNION ALL
        SELECT format('The materialized view %s reads one of the tables. Drop it',
            m.oid::regclass)
        FROM pg_class AS m
        INNER JOIN pg_rewrite AS r ON r.ev_class = m.oid
        INNER JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        WHERE m.relkind = 'm' AND d.refobjid = ANY (v_tables)
        ORDER BY 1
    );

    IF v_findings <> '{}' THEN
        RAISE EXCEPTION 'this database is not fit for Citus'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = array_to_string(v_findings, E'\n'),
                  HINT = 'Do as the detail says and try again. Nothing was done.';
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.check_citus() IS
'Checks that the tables can be distributed by Citus, and reports everything that stands in the way
at once.
Errors: 55000 something does; the detail says what, and what to do.';

DO $$
BEGIN
    PERFORM skill_messages_private.check_citus();
END;
$$;

-- What stood before, in the words of the catalogue, for each change that replaces something.
CREATE TABLE IF NOT EXISTS skill_messages_private.before_citus (
    part text NOT NULL,
    place integer NOT NULL,
    command text NOT NULL,
    PRIMARY KEY (part, place)
);

COMMENT ON TABLE skill_messages_private.before_citus IS
'The statements by which the reverts of skill_messages_citus restore what stood before.';

CREATE OR REPLACE FUNCTION skill_messages_private.keep_before_citus(
    change text,
    statements text[]
) RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Run again, the change would find its own work.
    INSERT INTO skill_messages_private.before_citus
    SELECT keep_before_citus.change, s.place, s.statement
    FROM unnest(statements) WITH ORDINALITY AS s (statement, place)
    WHERE NOT EXISTS (
        SELECT FROM skill_messages_private.before_citus AS b
        WHERE b.part = keep_before_citus.change
    );
END;
$$;

COMMENT ON FUNCTION skill_messages_private.keep_before_citus IS
'Keeps what a change is about to replace. change: its name. statements: what restores it.';

CREATE OR REPLACE PROCEDURE skill_messages_private.restore_before_citus(change text)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_statement text;
BEGIN
    -- A deploy whose verify failed, and whose revert of it failed too.
    IF change IN ('keys', 'rules', 'policies') AND EXISTS (
        SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.skill_messages'::regclass
    ) THEN
        RAISE EXCEPTION 'the tables are still distributed'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Deploy the change distribution again, then revert. Nothing was undone.';
    END IF;

    FOR v_statement IN
        SELECT b.command
        FROM skill_messages_private.before_citus AS b
        WHERE b.part = restore_before_citus.change
        ORDER BY b.place
    LOOP
        EXECUTE v_statement;
    END LOOP;

    DELETE FROM skill_messages_private.before_citus AS b
    WHERE b.part = restore_before_citus.change;
END;
$$;

COMMENT ON PROCEDURE skill_messages_private.restore_before_citus IS
'Restores what a change has replaced. change: its name.';

CREATE OR REPLACE PROCEDURE skill_messages_private.own_citus_function(signature text)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER FUNCTION %s OWNER TO %s', signature, (
        SELECT n.nspowner::regrole FROM pg_namespace AS n WHERE n.nspname = 'skill_messages_private'
    ));
    CALL skill_messages_private.revoke_from_all(signature);
END;
$$;

COMMENT ON PROCEDURE skill_messages_private.own_citus_function IS
'Gives a function to the owner of skill_messages_private, and takes it from everybody else.
signature: its qualified name with the types of its arguments.';

DO $$
DECLARE
    v_key record;
BEGIN
    RAISE NOTICE 'this moves tenants, users, skills and skill_messages of % to % workers. It locks '
        'them until it is done, and alters the tables of the host', current_database(),
        (SELECT count(*) FROM pg_dist_node WHERE groupid > 0 AND shouldhaveshards);
    FOR v_key IN SELECT * FROM skill_messages_private.citus_keys()
    LOOP
        RAISE NOTICE 'the unique key % of % becomes unique within a tenant only: %',
            v_key.name, v_key.relation, v_key.definition;
    END LOOP;
END;
$$;

CALL skill_messages_private.revoke_from_all('skill_messages_private.citus_tables()');
CALL skill_messages_private.revoke_from_all('skill_messages_private.citus_keys()');
CALL skill_messages_private.revoke_from_all('skill_messages_private.check_citus()');
CALL skill_messages_private.revoke_from_all('skill_messages_private.before_citus');
CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.keep_before_citus(text, text[])'
);
CALL skill_messages_private.revoke_from_all('skill_messages_private.restore_before_citus(text)');
CALL skill_messages_private.revoke_from_all('skill_messages_private.own_citus_function(text)');

COMMIT;
