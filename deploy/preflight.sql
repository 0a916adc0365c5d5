-- Deploy skill_messages:preflight to pg
--
-- Checks the database before anything is touched. One function reports everything that is wrong at
-- once; deploy calls it here, and verify calls it again. If it raises an error here, nothing was
-- done: even the schema that it is in goes with the transaction.
--
-- Every script of every change can be run again, whether it was interrupted or finished. Each
-- begins with begin_change(), because the server goes on with the statement of a client that was
-- killed.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_grantee text;
BEGIN
    -- As begin_change() does, which is not there yet.
    PERFORM pg_advisory_xact_lock(1936420211);

    IF EXISTS (
        SELECT
        FROM pg_namespace AS n
        LEFT JOIN pg_proc AS p ON p.pronamespace = n.oid
        LEFT JOIN pg_class AS c ON c.relnamespace = n.oid
        WHERE n.nspname = 'skill_messages_private'
            AND current_user::regrole <> ANY (ARRAY[n.nspowner, p.proowner, c.relowner])
    ) THEN
        RAISE EXCEPTION 'the schema skill_messages_private exists, and it or something in it is '
            'not yours'
            USING ERRCODE = 'duplicate_schema',
                  HINT = 'Whoever owns it could replace what the package calls. Deploy as its '
                         'owner, or drop it.';
    END IF;

    CREATE SCHEMA IF NOT EXISTS skill_messages_private;

    -- Default privileges may have opened it to others.
    FOR v_grantee IN
        SELECT DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END
        FROM pg_namespace AS n
        CROSS JOIN aclexplode(n.nspacl) AS acl
        WHERE n.nspname = 'skill_messages_private' AND acl.grantee <> n.nspowner
            -- Run again or reworked, it leaves what `roles` has granted: callers go on.
            AND (
                acl.privilege_type <> 'USAGE' OR acl.is_grantable
                OR acl.grantee = 0 OR pg_get_userbyid(acl.grantee) NOT IN (
                    'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
                )
            )
    LOOP
        EXECUTE 'REVOKE ALL ON SCHEMA skill_messages_private FROM ' || v_grantee || ' CASCADE';
    END LOOP;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the deploying role % may not create a schema here', current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('GRANT CREATE ON DATABASE %I TO %I',
                      current_database(), current_user);
END;
$$;

COMMENT ON SCHEMA skill_messages_private IS
'The helpers that the functions of skill_messages call. Not for applications.';

-- The lock belongs to the session: it lasts until the script's psql ends, and until the server has
-- finished its last statement. While this waits it holds no snapshot, since CREATE INDEX
-- CONCURRENTLY of another session would wait for that. So it commits in between, and a procedure
-- that commits cannot have a SET clause.
CREATE OR REPLACE PROCEDURE skill_messages_private.begin_change()
LANGUAGE plpgsql
SECURITY INVOKER
AS $$
DECLARE
    v_told boolean := false;
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp;

    WHILE NOT pg_try_advisory_lock(1936420211) LOOP
        IF NOT v_told THEN
            RAISE NOTICE 'waiting for another deploy or revert of skill_messages to end: process %',
                (
                    SELECT string_agg(l.pid::text, ', ')
                    FROM pg_locks AS l
                    WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = 1936420211
                        AND l.granted
                );
            v_told := true;
        END IF;

        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        PERFORM pg_sleep(0.1);
    END LOOP;
END;
$$;

COMMENT ON PROCEDURE skill_messages_private.begin_change IS
'Waits until no other deploy or revert is running, then keeps others waiting until the session ends.
Call it outside a transaction.';

REVOKE ALL ON PROCEDURE skill_messages_private.begin_change() FROM public;

CREATE OR REPLACE FUNCTION skill_messages_private.has_host_key(host regclass) RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT
        FROM pg_index AS i
        WHERE i.indrelid = host
            AND i.indisunique AND i.indimmediate AND i.indisvalid
            AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 2
            AND ARRAY['id', 'tenant_id'] = ARRAY(
                SELECT a.attname::text
                FROM pg_attribute AS a
                WHERE a.attrelid = i.indrelid AND a.attnum IN (i.indkey[0], i.indkey[1])
                ORDER BY 1
            )
    );
END;
$$;

COMMENT ON FUNCTION skill_messages_private.has_host_key(regclass) IS
'Whether a table has a unique index on tenant_id and id that a foreign key can refer to.
host: users or skills.';

REVOKE ALL ON FUNCTION skill_messages_private.has_host_key(regclass) FROM public;

CREATE OR REPLACE FUNCTION skill_messages_private.operations() RETURNS SETOF text
LANGUAGE plpgsql
IMMUTABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT 'public.' || unnest(ARRAY[
            'erase_user_messages(text, boolean)',
            'export_user_messages(text)',
            'get_message_stats()',
            'get_messages_for_user(text, integer, timestamptz, text)',
            'get_messages_from_user(text, integer, timestamptz, text)',
            'get_named_messages_for_user(text, integer, timestamptz, text)',
            'get_named_messages_from_user(text, integer, timestamptz, text)',
            'get_skill_message(text)',
            'get_unread_count_for_user(text, bigint)',
            'mark_message_read(text)',
            'mark_messages_read(text, timestamptz, text[])',
            'purge_skill_messages(interval, integer, text, boolean, boolean, boolean, bigint)',
            'send_skill_message(text, text, text, text, text, text)',
            'send_skill_messages(jsonb)',
            'set_skill_message_context(text, text)',
            'skill_messages_version()',
            'switch_skill_message_notifications(boolean)',
            'update_message_status(text, text)'
    ]);
END;
$$;

COMMENT ON FUNCTION skill_messages_private.operations() IS
'The functions of the package in the schema public, with the types of their arguments.';

REVOKE ALL ON FUNCTION skill_messages_private.operations() FROM public;

CREATE OR REPLACE FUNCTION skill_messages_private.preflight() RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_roles CONSTANT text[] := ARRAY[
        'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
    ];
    c_version CONSTANT integer := current_setting('server_version_num')::integer;
    -- From 16 on, who created a role is a member that may not act as it.
    c_membership CONSTANT text := CASE WHEN c_version >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    v_owners oid[];
    v_creators oid[];
    v_findings text[] := ARRAY[]::text[];
    v_others text;
BEGIN
    IF c_version < (
        CASE c_version / 10000
            WHEN 15 THEN 150020 WHEN 16 THEN 160016 WHEN 17 THEN 170012 WHEN 18 THEN 180007 ELSE 0
        END
    ) THEN
        RAISE WARNING 'server % is open to CVE-2026-120154', current_setting('server_version')
            USING HINT = 'Update to 15.20, 16.16, 17.12, 18.7 or newer. Until then a signed-in '
                         'user can read messages between other users of its own tenant.';
    END IF;

    IF current_setting('server_encoding') <> 'UTF8' THEN
        v_findings := v_findings || format('The encoding of the database is %s. '
            'Use a database with the encoding UTF8.', current_setting('server_encoding'));
    END IF;

    -- Whoever may create in public can plant a function that another session calls for ours. The
    -- owners of table and database are trusted.
    v_owners := ARRAY(
        SELECT d.datdba FROM pg_database AS d WHERE d.datname = current_database()
        UNION ALL
        SELECT coalesce(
            (SELECT c.relowner FROM pg_class AS c
            WHERE c.oid = to_regclass('public.skill_messages')),
            current_user::regrole::oid
        )
    );
    v_creators := ARRAY(
        SELECT r.oid
        FROM pg_roles AS r
        WHERE has_schema_privilege(r.oid, 'public', 'CREATE')
            AND NOT r.rolsuper AND r.rolname !~ '^pg_'
            AND NOT EXISTS (
                SELECT FROM unnest(v_owners) AS owner (oid)
                WHERE pg_has_role(r.oid, owner.oid, 'MEMBER')
            )
    );

    IF has_schema_privilege('public', 'public', 'CREATE') THEN
        v_findings := v_findings || text 'PUBLIC may create objects in the schema public. '
            'REVOKE CREATE ON SCHEMA public FROM PUBLIC';
    ELSE
        v_findings := v_findings || ARRAY(
            SELECT format('%I acts as %s and may create objects in the schema public. '
                'REVOKE CREATE ON SCHEMA public FROM %1$I, or from the role that gives it this '
                'privilege',
                r.rolname, string_agg(ours.name, ', ' ORDER BY ours.name))
            FROM pg_roles AS r
            INNER JOIN unnest(c_roles) AS ours (name)
                ON r.rolname = ours.name
                OR pg_has_role(r.oid, to_regrole(ours.name), c_membership)
            -- NOINHERIT: as a member it may still become one that may create.
            WHERE NOT r.rolsuper AND EXISTS (
                SELECT FROM unnest(v_creators) AS creator (oid)
                WHERE creator.oid = r.oid OR pg_has_role(r.oid, creator.oid, c_membership)
            )
            GROUP BY r.rolname
            ORDER BY r.rolname
        );

        SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname)
        INTO v_others
        FROM pg_roles AS r
        WHERE r.oid = ANY (v_creators);
        IF v_others IS NOT NULL THEN
            RAISE NOTICE 'may create objects in the schema public: %', v_others;
        END IF;
    END IF;

    v_findings := v_findings || ARRAY(
        SELECT format('The schema public has another function %s. Drop or rename it: '
            'an overload can be called instead of the package''s', p.oid::regprocedure)
        FROM pg_proc AS p
        WHERE p.pronamespace = 'public'::regnamespace
            AND p.proname = ANY (
                SELECT substring(ours.signature FROM 'public\.(\w+)')
                FROM skill_messages_private.operations() AS ours (signature)
            )
            AND NOT EXISTS (
                SELECT FROM skill_messages_private.operations() AS ours (signature)
                WHERE to_regprocedure(ours.signature) = p.oid
            )
        ORDER BY p.oid::regprocedure::text
    );

    v_findings := v_findings || ARRAY(
        SELECT format('The role %I may log in, has a special attribute, or is a member of another '
            'role. ALTER ROLE %1$I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB '
            'NOREPLICATION, and REVOKE its memberships', r.rolname)
        FROM pg_roles AS r
        WHERE r.rolname = ANY (c_roles)
            AND (
                r.rolcanlogin OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
                OR r.rolcreatedb OR r.rolreplication
                OR EXISTS (SELECT FROM pg_auth_members AS m WHERE m.member = r.oid)
            )
        ORDER BY r.rolname
    );

    -- The host's tables, where they are there. Under a collation that is not deterministic, a
    -- message to 'BOB' would pass the foreign key, and bob would never see it.
    v_findings := v_findings || ARRAY(
        SELECT format('public.%s needs %s.', host.relname, need.wording)
        FROM pg_class AS host
        CROSS JOIN (VALUES
            ('tenants', 'id', 'the column "id text" as its primary key'),
            ('users', 'id', 'the column "id text NOT NULL"'),
            ('users', 'tenant_id', 'the column "tenant_id text NOT NULL"'),
            ('skills', 'id', 'the column "id text NOT NULL"'),
            ('skills', 'tenant_id', 'the column "tenant_id text NOT NULL"')
        ) AS need (relname, attname, wording)
        LEFT JOIN pg_attribute AS att
            ON att.attrelid = host.oid AND att.attname = need.attname
            AND att.atttypid = 'text'::regtype AND att.attnotnull
        WHERE host.relnamespace = 'public'::regnamespace
            AND host.relname = need.relname
            AND (
                att.attnum IS NULL OR host.relkind NOT IN ('r', 'p')
                OR (need.relname = 'tenants' AND NOT EXISTS (
                    SELECT FROM pg_constraint AS pkey
                    WHERE pkey.conrelid = host.oid AND pkey.contype = 'p'
                        AND pkey.conkey = ARRAY[att.attnum]
                ))
            )
        UNION ALL
        SELECT format('public.%s is unlogged. ALTER TABLE public.%1$I SET LOGGED', host.relname)
        FROM pg_class AS host
        WHERE host.relnamespace = 'public'::regnamespace
            AND host.relname IN ('tenants', 'users', 'skills') AND host.relpersistence <> 'p'
        UNION ALL
        SELECT format('public.%s.%s has the collation %s, for which different texts are equal. '
            'ALTER TABLE public.%1$I ALTER %2$I TYPE text COLLATE "default"',
            host.relname, att.attname, att.attcollation::regcollation)
        FROM pg_class AS host
        INNER JOIN pg_attribute AS att
            ON att.attrelid = host.oid AND att.attname IN ('id', 'tenant_id')
        INNER JOIN pg_collation AS c ON c.oid = att.attcollation AND NOT c.collisdeterministic
        WHERE host.relnamespace = 'public'::regnamespace
            AND host.relname IN ('tenants', 'users', 'skills')
        UNION ALL
        -- Made in public, an empty table would come before the host's in many a search_path.
        SELECT format('%s is in another schema, and public has no %s. To have one made in public '
            'as well: ALTER DATABASE %I SET skill_messages.make_host_tables = ''on''',
            elsewhere.oid::regclass, elsewhere.relname, current_database())
        FROM pg_class AS elsewhere
        INNER JOIN pg_namespace AS n ON n.oid = elsewhere.relnamespace
        WHERE elsewhere.relname IN ('tenants', 'users', 'skills')
            AND elsewhere.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND n.nspname NOT IN ('public', 'information_schema') AND n.nspname !~ '^pg_'
            AND to_regclass('public.' || elsewhere.relname) IS NULL
            AND coalesce(current_setting('skill_messages.make_host_tables', true), '') <> 'on'
        ORDER BY 1
    );

    -- Before our table is there: one of the same name, and what the deploying role may not do.
    IF coalesce(obj_description(to_regclass('public.skill_messages'), 'pg_class'), '')
        NOT LIKE 'Proposals between authors%' THEN
        v_findings := v_findings || ARRAY(
            SELECT 'public.skill_messages exists already, and not of this package''s making. '
                'If it was written by hand after the same design, sql/convert.sql converts it in '
                'place. Otherwise rename it'
            WHERE to_regclass('public.skill_messages') IS NOT NULL
                -- sql/convert.sql, at work on it.
                AND coalesce(current_setting('skill_messages.converting', true), '') <> 'on'
            UNION ALL
            SELECT format('%s.%s refers to public.skill_messages (id), which will be unique within '
                'a tenant only. Drop it, or let it refer to (id, tenant_id)',
                c.conrelid::regclass, c.conname)
            FROM pg_constraint AS c
            WHERE c.contype = 'f' AND c.confrelid = to_regclass('public.skill_messages')
            UNION ALL
            SELECT format('public.%s needs a unique index, and %s does not own it. As its owner: '
                'CREATE UNIQUE INDEX CONCURRENTLY ON public.%1$I (tenant_id, id)',
                host.relname, current_user)
            FROM pg_class AS host
            WHERE host.relnamespace = 'public'::regnamespace
                AND host.relname IN ('users', 'skills') AND host.relkind IN ('r', 'p')
                AND NOT pg_has_role(host.relowner, 'USAGE')
                AND NOT skill_messages_private.has_host_key(host.oid)
            UNION ALL
            SELECT format('%s may not make foreign keys to public.%s. '
                'GRANT REFERENCES ON public.%2$I TO %1$I', current_user, host.relname)
            FROM pg_class AS host
            WHERE host.relnamespace = 'public'::regnamespace
                AND host.relname IN ('tenants', 'users', 'skills')
                AND NOT has_table_privilege(host.oid, 'REFERENCES')
            UNION ALL
            SELECT format('%s may not create roles. Grant it CREATEROLE, or have an administrator '
                'create the NOLOGIN roles %s', current_user, string_agg(ours.name, ', '))
            FROM unnest(c_roles) AS ours (name)
            WHERE to_regrole(ours.name) IS NULL
            HAVING count(*) > 0 AND NOT EXISTS (
                SELECT FROM pg_roles
                WHERE rolname = current_user AND (rolcreaterole OR rolsuper)
            )
            UNION ALL
            SELECT format('%s may not create objects in the schema public. '
                'GRANT CREATE ON SCHEMA public TO %1$I', current_user)
            WHERE NOT has_schema_privilege('public', 'CREATE')
            ORDER BY 1
        );
    END IF;

    IF v_findings <> '{}' THEN
        RAISE EXCEPTION 'this database is not fit for skill_messages'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = array_to_string(v_findings, E'\n'),
                  HINT = 'Do as the detail says and try again. Nothing was done.';
    END IF;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.preflight() IS
'Checks that the server, the database, its roles and the tables of the host are fit for
skill_messages, and reports everything that is wrong at once. It warns of a server that is open to
CVE-2026-120154. It names the roles that may create objects in the schema public in a notice.
Errors: 55000 something is wrong; the detail says what, and what to do.';

REVOKE ALL ON FUNCTION skill_messages_private.preflight() FROM public;

DO $$
BEGIN
    PERFORM skill_messages_private.preflight();
END;
$$;

COMMIT;
