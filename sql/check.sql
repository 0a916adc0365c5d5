-- Is all well? One line a check, for whoever looks after the database:
--
--     psql -X -d DB -f sql/check.sql
--
-- A superuser, the owner of the tables and a member of pg_monitor may run it, on a standby too.
-- What one of them cannot see is "unknown". It reads catalogues and statistics, never the table,
-- and writes nothing. Whether the schema is exactly as deployed is for `sqitch verify`.
-- `python -m skill_messages check` says more of a login, and of the functions.
--
-- An open transaction is long after an hour; to say otherwise:
-- PGOPTIONS="-c skill_messages.long_transaction=10min"

\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset fieldsep '  '
\pset tuples_only on

BEGIN;

SET LOCAL transaction_read_only = on;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = '30s';
SET LOCAL datestyle = 'ISO';

-- What is not there everywhere, or not for everybody to read.
DO $$
DECLARE
    v_question record;
    v_answer jsonb;
    v_answers jsonb := '{}';
BEGIN
    FOR v_question IN
        SELECT question.name, question.query
        FROM (VALUES
            ('version', 'SELECT to_jsonb(v) FROM public.skill_messages_version() AS v'),
            ('totals', 'SELECT to_jsonb(t) FROM public.skill_message_totals AS t'),
            ('hidden', 'SELECT coalesce(jsonb_agg(statement), ''[]'') '
                'FROM skill_messages_private.hidden_names() AS h (statement)'),
            ('registry', 'SELECT to_jsonb(e) FROM (SELECT event, change, (SELECT change '
                'FROM sqitch.changes AS c WHERE c.project = e.project ORDER BY c.committed_at DESC '
                'LIMIT 1) AS deployed FROM sqitch.events AS e WHERE project = ''skill_messages'' '
                'ORDER BY committed_at DESC LIMIT 1) AS e')
        ) AS question (name, query)
    LOOP
        BEGIN
            EXECUTE v_question.query INTO v_answer;
            v_answers := v_answers || jsonb_build_object(v_question.name, v_answer);
        EXCEPTION
            WHEN OTHERS THEN
                v_answers := v_answers || jsonb_build_object('no ' || v_question.name, concat(
                    CASE sqlstate WHEN '42501' THEN 'not told to this login: ' END, sqlerrm
                ));
        END;
    END LOOP;

    PERFORM set_config('skill_messages.answers', v_answers::text, true);
END;
$$;

-- noqa: disable=all
WITH RECURSIVE asked AS (
    SELECT
        a.answers, t.*,
        to_regclass('public.skill_messages') AS tab,
        to_regnamespace('skill_messages_private') AS helpers,
        to_regnamespace('sqitch') AS registry,
        current_setting('server_version_num')::integer AS version
    FROM (SELECT current_setting('skill_messages.answers')::jsonb AS answers) AS a
    CROSS JOIN jsonb_to_record(coalesce(a.answers -> 'totals', '{}')) AS t (
        messages bigint, unread bigint, sent bigint, table_bytes bigint, index_bytes bigint,
        last_vacuumed_at timestamptz, last_analyzed_at timestamptz
    )
),

package_role (name) AS (
    VALUES ('skill_messages_service'), ('skill_messages_app'), ('skill_messages_retention')
),

-- The tables that the package keeps apart by tenant.
isolated AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relrowsecurity, c.relforcerowsecurity
    FROM pg_class AS c
    WHERE c.oid::regclass::text = 'public.skill_messages'
        OR (
            c.oid::regclass::text IN ('public.tenants', 'public.users', 'public.skills')
            AND obj_description(c.oid, 'pg_class') LIKE '%(created by skill_messages)'
        )
),

wanted_policy (tab, name, permissive) AS (
    SELECT i.oid, p.name, p.permissive
    FROM isolated AS i
    CROSS JOIN (VALUES
        ('tenant_access', true), ('tenant_isolation', false), ('always_current_tenant', false)
    ) AS p (name, permissive)
    UNION ALL
    SELECT a.tab, p.name, p.permissive
    FROM asked AS a
    CROSS JOIN (VALUES
        ('retention_access', true), ('app_reads_own', false), ('app_sends_as_itself', false),
        ('app_answers_received', false)
    ) AS p (name, permissive)
),

foreign_key AS (
    SELECT
        c.conname, c.conparentid, c.confrelid,
        (c.convalidated OR c.conparentid <> 0) AND (
            SELECT count(*)
            FROM pg_trigger AS t
            WHERE t.tgconstraint = c.oid AND t.tgenabled IN ('O', 'A')
        ) = CASE c.conparentid WHEN 0 THEN 4 ELSE 2 END AS is_kept
    FROM pg_constraint AS c
    WHERE c.conrelid = to_regclass('public.skill_messages') AND c.contype = 'f'
),

-- Everything of the package that somebody may have been granted.
acl AS (
    SELECT c.oid::regclass::text AS object, c.relowner AS owner, c.relacl AS acl, NULL AS col
    FROM pg_class AS c
    WHERE c.oid IN (
            to_regclass('public.skill_messages'), to_regclass('public.skill_message_totals')
        )
        OR (c.relnamespace = to_regnamespace('skill_messages_private') AND c.relkind = 'v')
    UNION ALL
    SELECT a.attrelid::regclass::text, c.relowner, a.attacl, a.attname
    FROM pg_attribute AS a
    INNER JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE a.attrelid = to_regclass('public.skill_messages') AND NOT a.attisdropped
    UNION ALL
    SELECT p.proname || '()', p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), NULL
    FROM pg_proc AS p
    WHERE p.pronamespace = to_regnamespace('skill_messages_private')
        OR (
            p.pronamespace = to_regnamespace('public') AND p.proname = ANY ('{
                erase_user_messages, export_user_messages, get_message_stats,
                get_messages_for_user, get_messages_from_user, get_named_messages_for_user,
                get_named_messages_from_user, get_skill_message, get_unread_count_for_user,
                mark_message_read, mark_messages_read, purge_skill_messages, send_skill_message,
                send_skill_messages, set_skill_message_context, skill_messages_version,
                switch_skill_message_notifications, update_message_status
            }')
        )
    UNION ALL
    SELECT n.nspname, n.nspowner, n.nspacl, NULL
    FROM pg_namespace AS n
    WHERE n.oid = to_regnamespace('skill_messages_private')
),

granted AS (
    SELECT concat(
        g.privilege_type, ' (' || a.col || ')',
        ' on ', a.object,
        ' to ', CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee)::text END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END
    ) AS what
    FROM acl AS a
    CROSS JOIN aclexplode(a.acl) AS g
    WHERE g.grantee <> a.owner
),

-- Direct members of the roles, and theirs.
member (role, member) AS (
    SELECT m.roleid, m.member
    FROM pg_auth_members AS m
    INNER JOIN package_role AS r ON m.roleid = to_regrole(r.name)
    UNION
    SELECT above.role, m.member
    FROM member AS above
    INNER JOIN pg_auth_members AS m ON m.roleid = above.member
),

found (number, always, topic, warning, unknown, fine) AS (
    SELECT
        1, true, 'server',
        CASE WHEN a.version < CASE a.version / 10000
                WHEN 15 THEN 150020 WHEN 16 THEN 160016 WHEN 17 THEN 170012 WHEN 18 THEN 180007
                ELSE 150000
            END
            THEN format('%s is open to CVE-2026-120154. Update to 15.20, 16.16, 17.12, 18.7 or '
                'newer', current_setting('server_version'))
        END,
        NULL,
        current_setting('server_version')
    FROM asked AS a

    UNION ALL
    SELECT
        2, true, 'release',
        CASE
            WHEN a.tab IS NULL AND a.helpers IS NULL
                THEN 'not deployed to the database ' || current_database()
            WHEN a.helpers IS NULL
                THEN 'public.skill_messages is not of this package''s making. '
                    'See docs/converting.md'
            WHEN a.tab IS NULL OR to_regproc('public.skill_messages_version') IS NULL
                THEN 'deployed in part. Go on with sqitch deploy'
        END,
        a.answers ->> 'no version',
        format('%s, last change %s',
            a.answers -> 'version' ->> 'release', a.answers -> 'version' ->> 'last_change')
    FROM asked AS a

    UNION ALL
    SELECT
        3, a.helpers IS NOT NULL OR a.registry IS NOT NULL, 'Sqitch',
        CASE
            WHEN a.registry IS NULL THEN NULL
            WHEN 6 > (
                SELECT count(*)
                FROM pg_class AS c
                WHERE c.relnamespace = a.registry AND c.relname IN (
                    'releases', 'projects', 'changes', 'tags', 'dependencies', 'events'
                )
            ) THEN 'its registry is half made. If no other project is in it: '
                'DROP SCHEMA sqitch CASCADE, then deploy again'
            WHEN a.answers -> 'registry' ->> 'event' = 'fail'
                THEN format('%s failed. Deploy, or revert, again',
                    a.answers -> 'registry' ->> 'change')
        END,
        CASE WHEN a.registry IS NOT NULL THEN a.answers ->> 'no registry' END,
        CASE
            WHEN a.registry IS NULL THEN 'no registry; loaded as one file'
            ELSE coalesce('deployed up to ' || (a.answers -> 'registry' ->> 'deployed'), 'nothing')
        END
    FROM asked AS a

    UNION ALL
    SELECT
        4, false, 'row-level security',
        'not enabled and forced: ' || string_agg(
            format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', i.name),
            '; ' ORDER BY i.name
        ) FILTER (WHERE NOT (i.relrowsecurity AND i.relforcerowsecurity)),
        NULL,
        'enabled and forced on ' || string_agg(i.name, ', ' ORDER BY i.name)
    FROM isolated AS i

    UNION ALL
    SELECT
        5, false, 'policies',
        string_agg(
            CASE
                WHEN p.polname IS NULL
                    THEN format('%s lacks %s. See sqitch verify', w.tab::regclass, w.name)
                ELSE format('%s has another permissive one. DROP POLICY %I ON %1$s',
                    p.polrelid::regclass, p.polname)
            END, '; '
        ) FILTER (WHERE p.polname IS NULL OR w.name IS NULL),
        NULL,
        format('all %s are there, and no other door', count(w.name))
    FROM wanted_policy AS w
    FULL JOIN (
        SELECT p.*
        FROM pg_policy AS p
        INNER JOIN isolated AS i ON i.oid = p.polrelid
    ) AS p ON p.polrelid = w.tab AND p.polname = w.name AND p.polpermissive = w.permissive
    WHERE w.name IS NOT NULL OR p.polpermissive

    UNION ALL
    SELECT
        6, false, 'foreign keys',
        'missing, NOT VALID or with disabled triggers: ' || string_agg(
            coalesce(wanted.name, f.conname), ', ' ORDER BY wanted.name
        ) FILTER (WHERE f.is_kept IS NOT true)
        || '. ALTER TABLE … ENABLE TRIGGER ALL, then look for rows that break them',
        NULL,
        format('%s are valid, their triggers enabled', count(wanted.name))
    FROM (
        SELECT format('skill_messages_%s_id_fkey', unnest(ARRAY[
            'tenant', 'from_user', 'to_user', 'subject_skill', 'proposed_parent_skill'
        ]))
    ) AS wanted (name)
    FULL JOIN foreign_key AS f ON f.conname = wanted.name
    WHERE wanted.name IS NOT NULL OR f.conparentid <> 0

    UNION ALL
    SELECT
        7, false, 'rules',
        'triggers are missing or disabled: ' || string_agg(wanted.name, ', ')
        FILTER (WHERE t.oid IS NULL)
        || '. ALTER TABLE public.skill_messages ENABLE TRIGGER …',
        NULL,
        format('%s triggers are enabled', count(*))
    FROM unnest(ARRAY[
        'born_pending_and_unread', 'answered_once', 'content_never_changes', 'times_of_birth',
        'times_of_life'
    ]) AS wanted (name)
    LEFT JOIN pg_trigger AS t
        ON t.tgrelid = to_regclass('public.skill_messages') AND t.tgname = wanted.name
        AND t.tgenabled = 'O'

    UNION ALL
    SELECT
        8, false, 'privileges',
        'not granted by the package. REVOKE ' || string_agg(g.what, '; '
            ORDER BY g.what),
        NULL,
        'none beyond what the package granted'
    FROM granted AS g
    WHERE g.what !~ (
        '^((INSERT|SELECT|UPDATE \((status|read_at)\)) on public.skill_messages'
        ' to skill_messages_service'
        '|(SELECT|INSERT \((\w*id|message)\)|UPDATE \((status|read_at)\)) on public.skill_messages'
        ' to skill_messages_app'
        '|(DELETE|UPDATE \(message\)|SELECT \((?!message)\w+\)) on public.skill_messages'
        ' to skill_messages_retention'
        '|(EXECUTE on \w+\(\)|USAGE on skill_messages_private'
        '|SELECT on skill_messages_private.\w+) to skill_messages_(service|app|retention)'
        '|(SELECT on public.skill_message_totals|EXECUTE on skill_messages_version\(\))'
        ' to pg_monitor)$'
    )

    UNION ALL
    SELECT
        9, true, 'members',
        'these roles are missing: '
        || string_agg(r.name, ', ') FILTER (WHERE to_regrole(r.name) IS NULL)
        || '. sqitch deploy, or CREATE ROLE',
        NULL,
        string_agg(
            format('%s: %s', substring(r.name FROM '[^_]+$'), coalesce(m.names, 'none')), '; '
            ORDER BY r.name
        )
    FROM package_role AS r
    CROSS JOIN LATERAL (
        SELECT string_agg(DISTINCT pg_get_userbyid(m.member)::text, ', ') AS names
        FROM member AS m
        WHERE m.role = to_regrole(r.name)
    ) AS m
    HAVING count(to_regrole(r.name)) > 0 OR to_regnamespace('skill_messages_private') IS NOT NULL

    UNION ALL
    SELECT
        10, false, 'members that no policy binds',
        string_agg(DISTINCT b.rolname, ', ')
        || '. ALTER ROLE … NOSUPERUSER NOBYPASSRLS',
        NULL,
        'none'
    FROM member AS m
    INNER JOIN pg_roles AS b ON b.oid = m.member AND (b.rolsuper OR b.rolbypassrls)

    UNION ALL
    SELECT
        11, true, 'schema public',
        CASE WHEN has_schema_privilege('public', 'public', 'CREATE')
            THEN 'everybody may create objects in it. '
                'REVOKE CREATE ON SCHEMA public FROM PUBLIC'
            ELSE 'others may create objects in it: '
                || string_agg(r.rolname, ', ' ORDER BY r.rolname)
        END,
        NULL,
        'only the owners of database and table create objects in it'
    FROM pg_roles AS r
    WHERE has_schema_privilege(r.oid, 'public', 'CREATE')
        AND NOT r.rolsuper AND r.rolname !~ '^pg_'
        AND NOT EXISTS (
            SELECT
            FROM (
                SELECT d.datdba FROM pg_database AS d WHERE d.datname = current_database()
                UNION ALL
                SELECT c.relowner FROM pg_class AS c, asked AS a WHERE c.oid = a.tab
            ) AS owner (oid)
            WHERE pg_has_role(r.oid, owner.oid, 'MEMBER')
        )

    UNION ALL
    SELECT
        12, false, 'indexes',
        'some are INVALID. DROP INDEX CONCURRENTLY '
        || string_agg(i.indexrelid::regclass::text, ', ') || '; then sqitch verify',
        NULL,
        'none is INVALID'
    FROM pg_index AS i
    WHERE NOT i.indisvalid AND i.indrelid::regclass::text IN (
            'public.skill_messages', 'public.tenants', 'public.users', 'public.skills'
        )

    UNION ALL
    SELECT
        13, false, 'notifications',
        CASE WHEN count(*) = 1 OR bool_or(t.tgenabled <> 'O')
            THEN 'neither on nor off. '
                'SELECT switch_skill_message_notifications(true), or false'
        END,
        NULL,
        CASE count(*) WHEN 0 THEN 'off' ELSE 'on' END
    FROM pg_trigger AS t
    WHERE t.tgrelid = to_regclass('public.skill_messages')
        AND t.tgname IN ('notify_sent', 'notify_decided')

    UNION ALL
    SELECT
        14, false, 'size',
        NULL,
        a.answers ->> 'no totals',
        format('about %s messages, %s unread; table %s, indexes %s',
            coalesce(a.messages::text, '?'), coalesce(a.unread::text, '?'),
            pg_size_pretty(a.table_bytes), pg_size_pretty(a.index_bytes))
    FROM asked AS a

    UNION ALL
    SELECT
        15, false, 'statistics',
        CASE WHEN a.answers ? 'totals' AND a.sent IS NULL AND NOT pg_is_in_recovery()
            THEN 'the server has lost count, by a crash or a restore. '
                'VACUUM ANALYZE public.skill_messages'
        END,
        CASE
            WHEN a.answers ? 'no totals' THEN a.answers ->> 'no totals'
            WHEN a.sent IS NULL THEN 'a standby has none of its own'
        END,
        format('last vacuum %s, last analyze %s',
            coalesce(left(a.last_vacuumed_at::text, 16), 'never'),
            coalesce(left(a.last_analyzed_at::text, 16), 'never'))
    FROM asked AS a

    UNION ALL
    SELECT
        16, false, 'wraparound',
        CASE WHEN greatest(w.xids, w.multixacts) >= 25
            THEN format('xids used up to %s %%, multixacts %s %%. '
                'VACUUM (FREEZE) public.skill_messages, and see why autovacuum did not',
                w.xids, w.multixacts)
        END,
        NULL,
        format('xids used up to %s %%, multixacts %s %%', w.xids, w.multixacts)
    FROM (
        SELECT
            round(max(age(c.relfrozenxid)) / 21474836.48) AS xids,
            round(max(mxid_age(c.relminmxid)) / 21474836.48) AS multixacts
        FROM pg_class AS t
        INNER JOIN pg_class AS c ON c.oid IN (t.oid, t.reltoastrelid)
        WHERE t.oid = to_regclass('public.skill_messages')
    ) AS w

    UNION ALL
    SELECT
        17, false, 'open transactions',
        'they keep vacuum from its work. End: ' || string_agg(x.what, '; '),
        CASE WHEN NOT pg_has_role('pg_read_all_stats', 'USAGE')
            THEN 'not told to this login: those of others are for pg_monitor to see'
        END,
        'none is long'
    FROM (
        SELECT format('process %s of %s since %s', s.pid, s.usename,
            left(s.xact_start::text, 16)) AS what, s.xact_start AS started
        FROM pg_stat_activity AS s
        WHERE s.datname = current_database()
            AND (s.backend_xmin IS NOT NULL OR s.backend_xid IS NOT NULL)
        UNION ALL
        SELECT format('ROLLBACK PREPARED %L, since %s', p.gid,
            left(p.prepared::text, 16)), p.prepared
        FROM pg_prepared_xacts AS p
        WHERE p.database = current_database()
    ) AS x
    WHERE x.started < now() - coalesce(
        nullif(current_setting('skill_messages.long_transaction', true), ''), '1 hour'
    )::interval

    UNION ALL
    SELECT
        18, false, 'names of the host',
        CASE WHEN a.answers -> 'hidden' <> '[]'
            THEN 'hidden from service and app. If they are not meant to be: '
                || (SELECT string_agg(s.line, '; ')
                FROM jsonb_array_elements_text(a.answers -> 'hidden') AS s (line))
        END,
        a.answers ->> 'no hidden',
        'can be read by service and app'
    FROM asked AS a

    UNION ALL
    SELECT
        19, true, 'context',
        'who chooses no tenant acts for a default one. Unless that is meant: '
        || string_agg(format('ALTER %s RESET %s',
            coalesce('ROLE ' || quote_ident(r.rolname)
                || ' IN DATABASE ' || quote_ident(d.datname),
                'ROLE ' || quote_ident(r.rolname), 'DATABASE ' || quote_ident(d.datname),
                'ROLE ALL'),
            split_part(setting.line, '=', 1)), '; '),
        NULL,
        'no tenant or user is a default'
    FROM pg_db_role_setting AS s
    CROSS JOIN unnest(s.setconfig) AS setting (line)
    LEFT JOIN pg_roles AS r ON r.oid = s.setrole
    LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
    WHERE (s.setdatabase = 0 OR d.datname = current_database())
        AND setting.line ~ '^app\.current_(tenant|user)_id=.'
)

SELECT
    rpad(CASE
        WHEN f.warning IS NOT NULL THEN 'WARNING'
        WHEN f.unknown IS NOT NULL THEN 'unknown'
        ELSE 'ok'
    END, 7) AS state,
    concat(f.topic, ': ', coalesce(f.warning, f.unknown, f.fine)) AS line
FROM found AS f
CROSS JOIN asked AS a
WHERE f.always OR (a.tab IS NOT NULL AND a.helpers IS NOT NULL)
ORDER BY f.number;

ROLLBACK;
