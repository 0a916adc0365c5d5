-- For sql/convert.sql: is it what that converts? What an interrupted run has left is.

DO $$
DECLARE
    c_version CONSTANT integer := current_setting('server_version_num')::integer;
    v_table CONSTANT regclass := to_regclass('public.skill_messages');
    v_findings text[];
BEGIN
    IF v_table IS NULL THEN
        RAISE EXCEPTION 'the database % has no table public.skill_messages', current_database()
            USING ERRCODE = 'undefined_table',
                  HINT = 'There is nothing to convert. Deploy the package.';
    END IF;

    v_findings := ARRAY(
        SELECT format('It belongs to %s, and you are %s. PGOPTIONS="-c role=%1$s"',
            c.relowner::regrole, current_user)
        FROM pg_class AS c
        WHERE c.oid = v_table AND c.relowner <> current_user::regrole
        UNION ALL
        SELECT 'It is unlogged, partitioned, a child, a parent or no table'
        FROM pg_class AS c
        WHERE c.oid = v_table AND (
            c.relkind <> 'r' OR c.relpersistence <> 'p'
            OR EXISTS (SELECT FROM pg_inherits AS i WHERE v_table IN (i.inhrelid, i.inhparent))
        )
        UNION ALL
        SELECT format('Its column %s is to be %s, and is: %s', wanted.attnum, wanted.definition,
            coalesce(found.definition, 'missing'))
        FROM (VALUES
            (1, 'id text NOT NULL'),
            (2, 'tenant_id text NOT NULL'),
            (3, 'from_user_id text NOT NULL'),
            (4, 'to_user_id text NOT NULL'),
            (5, 'subject_skill_id text NOT NULL'),
            (6, 'proposed_parent_skill_id text'),
            (7, 'message text NOT NULL'),
            (8, 'status text NOT NULL'),
            (9, 'created_at timestamp with time zone NOT NULL'),
            (10, 'read_at timestamp with time zone'),
            (11, 'answered_at timestamp with time zone')
        ) AS wanted (attnum, definition)
        FULL JOIN (
            SELECT row_number() OVER (ORDER BY a.attnum) AS attnum, concat_ws(' ',
                a.attname, format_type(a.atttypid, a.atttypmod),
                'COLLATE ' || nullif(a.attcollation, t.typcollation)::regcollation::text,
                CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                CASE WHEN a.attidentity <> '' OR a.attgenerated <> '' THEN 'GENERATED' END,
                -- Those of the other three are replaced.
                'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
            ) AS definition
            FROM pg_attribute AS a
            LEFT JOIN pg_type AS t ON t.oid = a.atttypid
            LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.attname NOT IN ('id', 'status', 'created_at')
            WHERE a.attrelid = v_table AND a.attnum > 0 AND NOT a.attisdropped
        ) AS found ON found.attnum = wanted.attnum
        WHERE found.definition IS DISTINCT FROM wanted.definition
            AND (found.definition IS NOT NULL OR wanted.attnum <> 11)
        UNION ALL
        SELECT 'Its primary key is not (id)'
        WHERE NOT EXISTS (
            SELECT FROM pg_constraint AS c
            WHERE c.conrelid = v_table AND c.contype = 'p' AND NOT c.condeferrable
                AND pg_get_constraintdef(c.oid) = 'PRIMARY KEY (id)'
        )
        UNION ALL
        SELECT 'It has the unique index ' || i.indexrelid::regclass
        FROM pg_index AS i
        WHERE i.indrelid = v_table AND i.indisunique AND NOT i.indisprimary
            AND i.indexrelid IS DISTINCT FROM to_regclass('public.skill_messages_pkey_new')
        UNION ALL
        -- ALTER TYPE would build it anew, and keep everybody waiting.
        SELECT format('It has the index %s, with an expression of the text. Drop it, and build it '
            'again afterwards', i.indexrelid::regclass)
        FROM pg_index AS i
        WHERE i.indrelid = v_table AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
            AND EXISTS (
                SELECT FROM pg_depend AS d
                INNER JOIN pg_attribute AS a
                    ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refobjid = v_table AND a.attname = 'message'
            )
        UNION ALL
        SELECT format('It has the constraint %s: %s', c.conname, pg_get_constraintdef(c.oid))
        FROM pg_constraint AS c
        WHERE c.conrelid = v_table
            AND c.contype NOT IN ('p', 'n')
            AND NOT (c.contype = 'f' AND c.confrelid IN (
                to_regclass('public.tenants'), to_regclass('public.users'),
                to_regclass('public.skills')
            ))
            AND NOT (c.contype = 'c' AND EXISTS (
                SELECT FROM pg_attribute AS a
                WHERE a.attrelid = v_table AND a.attname = 'answered_at'
            ))
        UNION ALL
        SELECT 'It has the trigger ' || t.tgname
        FROM pg_trigger AS t
        INNER JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE t.tgrelid = v_table AND NOT t.tgisinternal
            AND p.pronamespace IS DISTINCT FROM to_regnamespace('skill_messages_private')
        UNION ALL
        SELECT 'It has the rule ' || r.rulename FROM pg_rewrite AS r WHERE r.ev_class = v_table
        UNION ALL
        SELECT 'It has the policy ' || p.polname
        FROM pg_policy AS p
        WHERE p.polrelid = v_table
            AND p.polname NOT IN ('tenant_isolation', 'tenant_access', 'always_current_tenant')
        UNION ALL
        SELECT DISTINCT format('%s has a privilege on it. REVOKE ALL ON public.skill_messages '
            'FROM %1$s', CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END)
        FROM pg_class AS c
        CROSS JOIN LATERAL (
            SELECT c.relacl UNION ALL
            SELECT a.attacl FROM pg_attribute AS a WHERE a.attrelid = c.oid
        ) AS held (acl)
        CROSS JOIN aclexplode(held.acl) AS acl
        WHERE c.oid = v_table AND acl.grantee <> c.relowner
            AND acl.grantee IS DISTINCT FROM to_regrole('skill_messages_service')
        UNION ALL
        SELECT DISTINCT format('%s depends on it', pg_describe_object(d.classid, d.objid, 0))
        FROM pg_depend AS d
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = v_table AND d.deptype = 'n'
            AND d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass)
        UNION ALL
        SELECT format('%s may not read public.%s, or row-level security hides rows of it. Run this '
            'as its owner, and for the time being: ALTER TABLE public.%2$s NO FORCE ROW LEVEL '
            'SECURITY', current_user, place.name)
        FROM unnest(ARRAY['skill_messages', 'tenants', 'users', 'skills']) AS place (name)
        INNER JOIN pg_class AS c ON c.oid = to_regclass('public.' || place.name)
        WHERE NOT has_table_privilege(c.oid, 'SELECT') OR row_security_active(c.oid)
        UNION ALL
        SELECT format('There is no table public.%s', place.name)
        FROM unnest(ARRAY['tenants', 'users', 'skills']) AS place (name)
        WHERE to_regclass('public.' || place.name) IS NULL
        UNION ALL
        -- FORCE binds the owner too, so the owner takes this role before that.
        SELECT CASE
            WHEN ours.name IS NULL THEN format(
                'The role skill_messages_service is not there, and %s may not create it. '
                'ALTER ROLE %1$s CREATEROLE', me.oid::regrole)
            WHEN c_version < 160000 AND NOT me.rolinherit THEN format(
                '%s does not inherit what its roles may do. ALTER ROLE %1$s INHERIT',
                me.oid::regrole)
            ELSE format(
                '%s is no member of skill_messages_service, and may not make itself one. As '
                'somebody who may: GRANT skill_messages_service TO %1$s%s', me.oid::regrole,
                CASE WHEN c_version >= 160000 THEN ' WITH INHERIT TRUE' END)
        END
        FROM pg_roles AS me
        CROSS JOIN (SELECT to_regrole('skill_messages_service')) AS ours (name)
        WHERE me.rolname = current_user
            AND CASE
                WHEN ours.name IS NULL THEN NOT me.rolcreaterole
                WHEN pg_has_role(ours.name, 'USAGE') THEN false
                WHEN c_version < 160000 AND NOT me.rolinherit THEN true
                WHEN c_version < 160000 AND me.rolcreaterole THEN false
                ELSE NOT pg_has_role(ours.name, 'USAGE WITH ADMIN OPTION')
                    AND NOT pg_has_role(ours.name, 'MEMBER WITH ADMIN OPTION')
            END
    );

    IF v_findings <> '{}' THEN
        RAISE EXCEPTION 'public.skill_messages is not what this script converts'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = array_to_string(v_findings, E'\n'),
                  HINT = 'Do as the detail says, or drop what it names, and try again. Nothing '
                         'was done.';
    END IF;
END;
$$;
