-- What is deployed: roles, schemas, the tables' columns, keys, foreign keys with their actions,
-- indexes, statistics, triggers, policies, privileges, and the functions' signatures, of which
-- those in public are the public API.

BEGIN;
\ir ../include/fixture.psql
\ir ../include/strangers.psql
SELECT plan(502);

-- Roles.
SELECT is(
    (SELECT (rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication)
    FROM pg_roles WHERE rolname = role),
    ROW (false, false, false, false, false, false),
    role || ' may not log in and is nothing special'
)
FROM (VALUES
    ('skill_messages_service'), ('skill_messages_app'), ('skill_messages_retention')
) AS r (role);

SELECT is_empty(
    $$
        SELECT FROM pg_auth_members
        WHERE member::regrole::text IN (
            'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
        )
    $$,
    'none of the roles is a member of another'
);

SELECT is_empty(
    $$
        SELECT g.grantee::regrole
        FROM pg_database AS d
        CROSS JOIN aclexplode(d.datacl) AS g
        WHERE d.datname = current_database() AND g.privilege_type = 'CREATE'
            AND g.grantee::regrole::text IN (
                'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
            )
    $$,
    'none of them creates schemas'
);

-- Schemas: public holds the tables and the operations, skill_messages_private what those call.
SELECT results_eq(
    $$
        SELECT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
            g.privilege_type, g.is_grantable
        FROM pg_namespace AS n
        CROSS JOIN aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS g
        WHERE n.nspname = 'skill_messages_private' AND g.grantee <> n.nspowner
        ORDER BY 1
    $$,
    $$VALUES
        ('skill_messages_app', 'USAGE', false), ('skill_messages_retention', 'USAGE', false),
        ('skill_messages_service', 'USAGE', false)
    $$,
    'skill_messages_private is for the three roles to use, for nobody else, and for none to change'
);

SELECT is(
    (SELECT has_schema_privilege(role, 'public', 'USAGE')
        || ' ' || has_schema_privilege(role, 'public', 'CREATE')),
    'true false', role || ' uses the schema public and creates nothing there'
)
FROM (VALUES
    ('skill_messages_service'), ('skill_messages_app'), ('skill_messages_retention'), ('public')
) AS r (role);

SELECT bag_eq(
    $$
        SELECT oid::regclass::text, relkind::text FROM package_relation
        WHERE relkind NOT IN ('i', 'I')
    $$,
    $$
        SELECT name, kind
        FROM (VALUES
            ('tenants', 'r'), ('users', 'r'), ('skills', 'r'), ('skill_messages', 'r'),
            ('skill_message_totals', 'v'), ('skill_messages_private.tenant_names', 'v'),
            ('skill_messages_private.user_names', 'v'), ('skill_messages_private.skill_names', 'v')
        ) AS designed (name, kind)
        WHERE host_owns(name) IS NULL
    $$,
    'four tables, less those that are the host''s, and four views'
);

SELECT is_unless(
    strangers(),
    (SELECT count(*) FROM package_relation
    WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('i', 'I'))
    + (SELECT count(*) FROM package_function WHERE pronamespace = 'public'::regnamespace),
    23::bigint, 'the schema public has these five, eighteen functions, and nothing else'
);

SELECT is_unless(
    host_owns(tab),
    (SELECT concat_ws(' ', relpersistence, relrowsecurity, relforcerowsecurity, relhassubclass,
        relispartition, relreplident, reloptions)
    FROM pg_class WHERE oid = tab::regclass),
    concat_ws(' ', 'p t t f f d', options),
    tab || ' is logged, and forces row-level security on everybody'
)
FROM (VALUES
    (
        'skill_messages',
        '{fillfactor=90,autovacuum_vacuum_scale_factor=0.02,'
        'autovacuum_vacuum_insert_scale_factor=0.05,autovacuum_analyze_scale_factor=0.05}'
    ), ('tenants', NULL), ('users', NULL), ('skills', NULL)
) AS t (tab, options);

-- Whoever may read a parent reads the rows of its children, whatever policies these have.
SELECT is_empty(
    'SELECT i.inhparent::regclass FROM pg_inherits AS i '
    'JOIN package_relation AS c ON c.oid = i.inhrelid WHERE c.relkind = ''r''',
    'no table has a parent'
);

-- A publication sends the rows of all tenants to whoever subscribes. Yours, if you mean it:
-- pg_prove --set publications=NAME,NAME.
\if :{?publications}
\else
\set publications ''
\endif
SELECT is_empty(
    format($$
        SELECT p.pubname, p.tablename
        FROM pg_publication_tables AS p
        JOIN package_relation AS c ON c.oid = format('%%I.%%I', p.schemaname, p.tablename)::regclass
        WHERE p.pubname <> ALL (string_to_array(%L, ','))
    $$, :'publications'),
    'no publication has the tables, but for those that were named'
);

SELECT is_empty(
    $$
        SELECT object FROM (
            SELECT oid::regclass::text, relowner FROM package_relation
            UNION ALL
            SELECT oid::regprocedure::text, proowner FROM package_function
            UNION ALL
            SELECT stxname::text, stxowner FROM pg_statistic_ext
            WHERE stxrelid = 'skill_messages'::regclass
            UNION ALL
            SELECT nspname::text, nspowner FROM pg_namespace
            WHERE nspname = 'skill_messages_private'
        ) AS owned (object, owner)
        WHERE owner <> (SELECT relowner FROM pg_class WHERE oid = 'skill_messages'::regclass)
    $$,
    'one owner owns them all'
);

SELECT is_unless(
    unbound('owner'),
    (SELECT rolsuper::text FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner
    WHERE c.oid = 'skill_messages'::regclass),
    'false', 'and is no superuser, whom no policy would bind'
);

-- Columns, in this order.
SELECT columns_are('public', 'skill_messages', ARRAY[
    'id', 'tenant_id', 'from_user_id', 'to_user_id', 'subject_skill_id', 'proposed_parent_skill_id',
        'message',
    'status', 'created_at', 'read_at', 'answered_at'
]);

SELECT is(
    (SELECT ((SELECT count(*)::int FROM pg_attribute AS b
            WHERE b.attrelid = a.attrelid AND b.attnum BETWEEN 1 AND a.attnum
                AND NOT b.attisdropped),
        format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid))::text
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'skill_messages'::regclass AND a.attname = col),
    (num, type, not_null, expression)::text,
    format('column %s is number %s, %s', col, num, type)
)
FROM (VALUES
    (1, 'id', 'text', true, 'skill_messages_private.new_skill_message_id()'),
    (2, 'tenant_id', 'text', true, NULL),
    (3, 'from_user_id', 'text', true, NULL),
    (4, 'to_user_id', 'text', true, NULL),
    (5, 'subject_skill_id', 'text', true, NULL),
    (6, 'proposed_parent_skill_id', 'text', false, NULL),
    (7, 'message', 'text', true, NULL),
    (8, 'status', 'text', true, '''pending''::text'),
    (9, 'created_at', 'timestamp with time zone', true,
        'date_trunc(''milliseconds''::text, now())'),
    (10, 'read_at', 'timestamp with time zone', false, NULL),
    (11, 'answered_at', 'timestamp with time zone', false, NULL)
) AS c (num, col, type, not_null, expression);

SELECT is(
    (SELECT string_agg(DISTINCT l.collname, ' ')
    FROM pg_attribute AS a JOIN pg_collation AS l ON l.oid = a.attcollation
    WHERE a.attrelid = 'skill_messages'::regclass AND a.attnum > 0),
    'default', 'texts have the collation that a hand-written table has'
);

-- Of the texts no statistics are kept, which would hold some of them.
SELECT is(
    (SELECT attstattarget::int FROM pg_attribute
    WHERE attrelid = 'skill_messages'::regclass AND attname = 'message'),
    0, 'the statistics target of message is 0'
);

SELECT CASE
    WHEN host_owns(tab) IS NULL THEN is(
        (SELECT attstattarget::int FROM pg_attribute
        WHERE attrelid = tab::regclass AND attname = 'name'),
        0, format('the statistics target of the names in %s is 0', tab)
    )
    ELSE skip(host_owns(tab))
END
FROM (VALUES ('tenants'), ('users'), ('skills')) AS t (tab);

SELECT is_empty(
    $$
        SELECT attname FROM pg_attribute
        WHERE attrelid = 'skill_messages'::regclass AND attname <> 'message'
            AND attnum > 0 AND coalesce(attstattarget, -1) <> -1
    $$,
    'of all other columns it is the default'
);

SELECT is_empty(
    $$
        SELECT a.attname
        FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = 'skill_messages'::regclass AND a.attnum > 0
            AND (a.attoptions::text ~ 'n_distinct' OR a.attstorage <> t.typstorage
                OR a.attcompression::text <> '')
    $$,
    'and so is how each is stored, and how many values it has'
);

SELECT is(
    (SELECT format('%s of %s', (SELECT string_agg(kind, ' ' ORDER BY kind)
        FROM unnest(stxkind::text[]) AS kind), stxkeys)
    FROM pg_statistic_ext
    WHERE stxrelid = 'skill_messages'::regclass AND stxname = name),
    'd f of ' || (SELECT string_agg(attnum::text, ' ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = 'skill_messages'::regclass AND attname IN ('tenant_id', col)),
    format('%s: how many values tenant_id and %s have together, and that one follows from the '
        'other', name, col)
)
FROM (VALUES
    ('skill_messages_to_user_stats', 'to_user_id'),
    ('skill_messages_from_user_stats', 'from_user_id')
) AS s (name, col);

SELECT bag_eq(
    $$
        SELECT s.stxname::text, coalesce(s.stxstattarget, -1)::int
        FROM pg_statistic_ext AS s JOIN package_relation AS c ON c.oid = s.stxrelid
    $$,
    $$VALUES ('skill_messages_from_user_stats', -1), ('skill_messages_to_user_stats', -1)$$,
    'there are no other statistics, which might hold texts or names, and these are kept'
);

-- The host's tables, as the package creates them.
SELECT is_unless(
    host_owns(tab), (SELECT string_agg(format('%s %s%s%s%s', a.attname,
        format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' END,
        ' default ' || pg_get_expr(d.adbin, d.adrelid),
        CASE WHEN a.attcollation <> 'pg_catalog.default'::regcollation THEN ' collated' END),
        ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = tab::regclass AND a.attnum > 0),
    columns, 'the columns of ' || tab
)
FROM (VALUES
    ('tenants', 'id text not null, name text not null'),
    ('users', 'id text not null, tenant_id text not null, name text not null'),
    ('skills', 'id text not null, tenant_id text not null, name text not null')
) AS t (tab, columns);

-- The views of their names, whoever made the tables.
SELECT is(
    (SELECT string_agg(format('%s %s', attname, format_type(atttypid, atttypmod)), ', '
        ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = tab::regclass AND attnum > 0),
    columns, 'the columns of ' || tab
)
FROM (VALUES
    ('skill_messages_private.tenant_names', 'id text, name text'),
    ('skill_messages_private.user_names', 'tenant_id text, id text, name text'),
    ('skill_messages_private.skill_names', 'tenant_id text, id text, name text')
) AS t (tab, columns);

-- Keys, checks and foreign keys: these and no others. What the checks refuse is in bad_input.sql.
SELECT is(
    ARRAY(
        SELECT conname::text FROM pg_constraint
        WHERE conrelid = 'skill_messages'::regclass AND contype <> 'n' ORDER BY conname
    ),
    ARRAY[
        'skill_messages_answered_at_check', 'skill_messages_created_at_check',
            'skill_messages_from_user_id_check',
            'skill_messages_from_user_id_fkey',
        'skill_messages_id_check', 'skill_messages_message_check', 'skill_messages_pkey',
        'skill_messages_proposed_parent_skill_id_fkey', 'skill_messages_read_at_check',
            'skill_messages_status_check',
        'skill_messages_subject_skill_id_fkey', 'skill_messages_tenant_id_check',
            'skill_messages_tenant_id_fkey',
        'skill_messages_to_user_id_check', 'skill_messages_to_user_id_fkey'
    ],
    'the constraints of skill_messages'
);

SELECT is_unless(
    host_owns(tab), ARRAY(
        SELECT conname::text FROM pg_constraint
        WHERE conrelid = tab::regclass AND contype <> 'n' ORDER BY conname
    ),
    names, 'the constraints of ' || tab
)
FROM (VALUES
    ('tenants', '{tenants_id_check,tenants_pkey}'::text[]),
    ('users', '{users_id_check,users_pkey,users_tenant_id_check,users_tenant_id_fkey}'),
    ('skills', '{skills_id_check,skills_pkey,skills_tenant_id_check,skills_tenant_id_fkey}')
) AS c (tab, names);

SELECT is_unless(
    host_owns(tab), (SELECT pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = ('public.' || tab)::regclass AND conname = name AND convalidated),
    definition, name || ': ' || definition
)
FROM (VALUES
    ('skill_messages', 'skill_messages_pkey', 'PRIMARY KEY (id, tenant_id)'),
    ('skill_messages', 'skill_messages_id_check',
        'CHECK (((octet_length(id) >= 1) AND (octet_length(id) <= 255)))'),
    ('skill_messages', 'skill_messages_tenant_id_check', 'CHECK ((tenant_id <> ''''::text))'),
    ('skill_messages', 'skill_messages_from_user_id_check', 'CHECK ((from_user_id <> ''''::text))'),
    ('skill_messages', 'skill_messages_to_user_id_check', 'CHECK ((to_user_id <> ''''::text))'),
    ('skill_messages', 'skill_messages_status_check',
        'CHECK ((status = ANY (ARRAY[''pending''::text, ''accepted''::text, '
        '''declined''::text])))'),
    ('skill_messages', 'skill_messages_created_at_check',
        'CHECK (((created_at >= ''1970-01-01 00:00:00+00''::timestamp with time zone) AND '
        '(created_at <= ''9999-12-31 23:59:59.999+00''::timestamp with time zone)))'),
    ('skill_messages', 'skill_messages_read_at_check',
        'CHECK (((read_at >= created_at) AND '
        '(read_at <= ''9999-12-31 23:59:59.999+00''::timestamp with time zone)))'),
    ('skill_messages', 'skill_messages_answered_at_check',
        'CHECK (((answered_at IS NULL) OR ((answered_at >= created_at) AND '
        '(answered_at <= ''9999-12-31 23:59:59.999+00''::timestamp with time zone) AND '
        '(status <> ''pending''::text))))'),
    ('skill_messages', 'skill_messages_tenant_id_fkey',
        'FOREIGN KEY (tenant_id) REFERENCES tenants(id)'),
    ('skill_messages', 'skill_messages_from_user_id_fkey',
        'FOREIGN KEY (tenant_id, from_user_id) REFERENCES users(tenant_id, id)'),
    ('skill_messages', 'skill_messages_to_user_id_fkey',
        'FOREIGN KEY (tenant_id, to_user_id) REFERENCES users(tenant_id, id)'),
    ('skill_messages', 'skill_messages_subject_skill_id_fkey',
        'FOREIGN KEY (tenant_id, subject_skill_id) REFERENCES skills(tenant_id, id) '
        'ON DELETE CASCADE'),
    ('skill_messages', 'skill_messages_proposed_parent_skill_id_fkey',
        'FOREIGN KEY (tenant_id, proposed_parent_skill_id) REFERENCES skills(tenant_id, id) '
        'ON DELETE SET NULL (proposed_parent_skill_id)'),
    ('users', 'users_pkey', 'PRIMARY KEY (id, tenant_id)'),
    ('users', 'users_id_check', 'CHECK ((id <> ''''::text))'),
    ('users', 'users_tenant_id_check', 'CHECK ((tenant_id <> ''''::text))'),
    ('users', 'users_tenant_id_fkey', 'FOREIGN KEY (tenant_id) REFERENCES tenants(id)'),
    ('skills', 'skills_pkey', 'PRIMARY KEY (id, tenant_id)'),
    ('skills', 'skills_id_check', 'CHECK ((id <> ''''::text))'),
    ('skills', 'skills_tenant_id_check', 'CHECK ((tenant_id <> ''''::text))'),
    ('skills', 'skills_tenant_id_fkey', 'FOREIGN KEY (tenant_id) REFERENCES tenants(id)'),
    ('tenants', 'tenants_pkey', 'PRIMARY KEY (id)'),
    ('tenants', 'tenants_id_check', 'CHECK ((id <> ''''::text))')
) AS k (tab, name, definition);

SELECT isnt(
    (SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint
    WHERE conrelid = 'skill_messages'::regclass AND conname = 'skill_messages_' || name),
    NULL, format('constraint skill_messages_%s has a comment, which is the hint of its error', name)
)
FROM (VALUES
    ('id_check'), ('tenant_id_check'), ('from_user_id_check'), ('to_user_id_check'),
        ('message_check'),
    ('status_check'), ('created_at_check'), ('read_at_check'), ('answered_at_check'),
        ('tenant_id_fkey'),
        ('from_user_id_fkey'), ('to_user_id_fkey'),
    ('subject_skill_id_fkey'), ('proposed_parent_skill_id_fkey')
) AS c (name);

-- Indexes: the three named ones, and those that a foreign key to skills or the unread count needs.
SELECT is(
    (SELECT pg_get_indexdef(indexrelid, 1,
        false) || coalesce(' WHERE ' || pg_get_expr(indpred, indrelid), '')
    FROM pg_index
    WHERE indrelid = 'skill_messages'::regclass AND indexrelid = to_regclass('public.' || name)
        AND indisvalid AND NOT indisunique),
    begins, format('index %s begins with %s', name, begins)
)
FROM (VALUES
    ('skill_messages_to_user_idx', 'to_user_id'),
    ('skill_messages_tenant_id_idx', 'tenant_id'),
    ('skill_messages_from_user_idx', 'from_user_id'),
    ('skill_messages_unread_idx', 'to_user_id WHERE (read_at IS NULL)'),
    ('skill_messages_subject_skill_idx', 'subject_skill_id'),
    ('skill_messages_proposed_parent_skill_idx',
        'proposed_parent_skill_id WHERE (proposed_parent_skill_id IS NOT NULL)')
) AS i (name, begins);

-- All of them, to the last column. "C": the same order of ids whatever the locale. On the host's
-- tables there is the primary key, which the foreign keys need, and the index of the key to
-- tenants.
SELECT is_unless(
    host_owns(tab), ARRAY(
        SELECT format('%s %s', i.indexrelid::regclass,
            regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', ''))
        FROM pg_index AS i
        WHERE i.indrelid = tab::regclass AND i.indisvalid AND i.indisready
        ORDER BY i.indexrelid::regclass::text COLLATE "C"
    ),
    indexes, 'the indexes of ' || tab
)
FROM (VALUES
    ('skill_messages', ARRAY[
        'skill_messages_from_user_idx btree (from_user_id, tenant_id, created_at, id COLLATE "C")',
        'skill_messages_pkey btree (id, tenant_id)',
        'skill_messages_proposed_parent_skill_idx btree (proposed_parent_skill_id, tenant_id) '
            'WHERE (proposed_parent_skill_id IS NOT NULL)',
        'skill_messages_subject_skill_idx btree (subject_skill_id, tenant_id)',
        'skill_messages_tenant_id_idx btree (tenant_id)',
        'skill_messages_to_user_idx btree (to_user_id, tenant_id, created_at, id COLLATE "C")',
        'skill_messages_unread_idx btree (to_user_id, tenant_id) INCLUDE (from_user_id) '
            'WHERE (read_at IS NULL)'
    ]),
    ('tenants', ARRAY['tenants_pkey btree (id)']),
    ('users', ARRAY['users_pkey btree (id, tenant_id)', 'users_tenant_id_idx btree (tenant_id)']),
    ('skills', ARRAY[
        'skills_pkey btree (id, tenant_id)', 'skills_tenant_id_idx btree (tenant_id)'
    ])
) AS t (tab, indexes);

-- Triggers: enabled, before, for each row. Those that notify are in notifications.sql.
SELECT is(
    (SELECT tgenabled::text || ' ' || regexp_replace(pg_get_triggerdef(oid),
        '.* (BEFORE \w+) .*(FOR EACH \w+) .*', '\1 \2')
    FROM pg_trigger WHERE tgrelid = 'skill_messages'::regclass AND tgname = name),
    'O BEFORE ' || event || ' FOR EACH ROW',
    format('trigger %s fires before each %s', name, event)
)
FROM (VALUES
    ('born_pending_and_unread', 'INSERT'),
    ('times_of_birth', 'INSERT'),
    ('answered_once', 'UPDATE'),
    ('content_never_changes', 'UPDATE'),
    ('times_of_life', 'UPDATE')
) AS t (name, event);

SELECT bag_eq(
    $$
        SELECT t.tgrelid::regclass::text, t.tgname::text, t.tgfoid::regproc::text AS calls
        FROM pg_trigger AS t
        JOIN package_relation AS c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal
    $$,
    $$
        SELECT 'skill_messages' AS tab, name, 'skill_messages_private.' || function AS calls
        FROM (VALUES
            ('born_pending_and_unread', 'refuse_skill_message_change'),
            ('answered_once', 'refuse_skill_message_change'),
            ('content_never_changes', 'refuse_skill_message_change'),
            ('times_of_birth', 'set_skill_message_times'),
            ('times_of_life', 'set_skill_message_times'),
            ('notify_sent', 'notify_skill_message'),
            ('notify_decided', 'notify_skill_message')
        ) AS t (name, function)
        -- Off, they are absent.
        WHERE name NOT LIKE 'notify%' OR EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = 'skill_messages'::regclass AND tgname = name
        )
    $$,
    'there are no other triggers, on none of the package''s tables'
);

SELECT is_empty(
    $$
        SELECT t.tgrelid::regclass, k.conname
        FROM pg_trigger AS t
        JOIN pg_constraint AS k ON k.oid = t.tgconstraint
        JOIN package_relation AS c ON c.oid = k.conrelid
        WHERE t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')
    $$,
    'foreign keys are kept: none of their triggers is off'
);

SELECT is_empty(
    $$
        SELECT r.rulename FROM pg_rewrite AS r JOIN package_relation AS c ON c.oid = r.ev_class
        WHERE c.relkind <> 'v'
    $$,
    'no rule rewrites what a statement says'
);

-- The rules that refuse come first: triggers fire in the order of their names.
SELECT is(
    (SELECT string_agg(t.tgname, ' ' ORDER BY t.tgname COLLATE "C")
    FROM pg_trigger AS t
    WHERE t.tgrelid = 'skill_messages'::regclass AND t.tgtype & 2 = 2),
    'answered_once born_pending_and_unread content_never_changes times_of_birth times_of_life',
    'times are set after all has been refused that is to be refused'
);

-- Policies: two doors, several walls. The walls behind a door repeat it, so that acting alone
-- cannot tell whether each of them stands: their definitions must be these, and there must be no
-- others.
CREATE VIEW policies AS
SELECT
    tablename::text, policyname::text, permissive, cmd,
    (SELECT string_agg(role, ' ' ORDER BY role) FROM unnest(roles) AS role) AS roles,
    regexp_replace(qual, '\s+', ' ', 'g') AS qual,
        regexp_replace(with_check, '\s+', ' ', 'g') AS with_check
FROM pg_policies
WHERE schemaname IN ('public', 'skill_messages_private');

CREATE VIEW designed_policies AS
WITH predicate (host_tenant, tenant, sender, recipient, either, always) AS (VALUES (
    '(id = current_setting(''app.current_tenant_id''::text, true))',
    '(tenant_id = current_setting(''app.current_tenant_id''::text, true))',
    '(from_user_id = current_setting(''app.current_user_id''::text, true))',
    '(to_user_id = current_setting(''app.current_user_id''::text, true))',
    ' CASE ( SELECT current_setting(''app.current_user_id''::text, true) AS current_setting) '
    'WHEN to_user_id THEN true WHEN from_user_id THEN true ELSE false END',
    ' CASE WHEN (%s = ANY (ARRAY[( SELECT current_setting(''app.current_tenant_id''::text, true) '
    'AS current_setting)])) THEN true ELSE false END'
))
SELECT policy.*
FROM predicate
CROSS JOIN LATERAL (VALUES
    ('skill_messages', 'tenant_access', 'PERMISSIVE', 'ALL',
        'skill_messages_app skill_messages_service', tenant, tenant),
    ('skill_messages', 'retention_access', 'PERMISSIVE', 'ALL', 'skill_messages_retention', tenant,
        tenant),
    ('skill_messages', 'tenant_isolation', 'RESTRICTIVE', 'ALL', 'public', tenant, tenant),
    ('skill_messages', 'always_current_tenant', 'RESTRICTIVE', 'SELECT', 'public',
        format(always, 'tenant_id'), NULL),
    ('tenants', 'always_current_tenant', 'RESTRICTIVE', 'SELECT', 'public', format(always, 'id'),
        NULL),
    ('users', 'always_current_tenant', 'RESTRICTIVE', 'SELECT', 'public',
        format(always, 'tenant_id'), NULL),
    ('skills', 'always_current_tenant', 'RESTRICTIVE', 'SELECT', 'public',
        format(always, 'tenant_id'), NULL),
    ('skill_messages', 'app_reads_own', 'RESTRICTIVE', 'SELECT', 'skill_messages_app', either,
        NULL),
    ('skill_messages', 'app_sends_as_itself', 'RESTRICTIVE', 'INSERT', 'skill_messages_app', NULL,
        sender),
    ('skill_messages', 'app_answers_received', 'RESTRICTIVE', 'UPDATE', 'skill_messages_app',
        recipient, recipient),
    ('tenants', 'tenant_access', 'PERMISSIVE', 'ALL', 'skill_messages_app skill_messages_service',
        host_tenant, host_tenant),
    ('tenants', 'tenant_isolation', 'RESTRICTIVE', 'ALL', 'public', host_tenant, host_tenant),
    ('users', 'tenant_access', 'PERMISSIVE', 'ALL', 'skill_messages_app skill_messages_service',
        tenant, tenant),
    ('users', 'tenant_isolation', 'RESTRICTIVE', 'ALL', 'public', tenant, tenant),
    ('skills', 'tenant_access', 'PERMISSIVE', 'ALL', 'skill_messages_app skill_messages_service',
        tenant, tenant),
    ('skills', 'tenant_isolation', 'RESTRICTIVE', 'ALL', 'public', tenant, tenant)
) AS policy (tablename, policyname, permissive, cmd, roles, qual, with_check);

SELECT CASE
    WHEN host_owns(tab) IS NULL THEN bag_eq(
        format('SELECT * FROM policies WHERE tablename = %L', tab),
        format('SELECT * FROM designed_policies WHERE tablename = %L', tab),
        format('the policies of %s are these, with these expressions, and no others', tab)
    )
    ELSE skip(host_owns(tab))
END
FROM (VALUES ('skill_messages'), ('tenants'), ('users'), ('skills')) AS t (tab);

SELECT is_empty(
    $$SELECT * FROM policies JOIN package_relation AS c ON c.relname = tablename
        WHERE tablename NOT IN (SELECT tablename FROM designed_policies)$$,
    'nothing else has policies'
);

-- Privileges: on the tables and views, and on each column of the messages. First all that anybody
-- but the owner was granted, then what that comes to.
CREATE VIEW grants AS
SELECT c.oid::regclass::text AS tab, coalesce(a.attname, '') AS col,
    CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END AS role,
    string_agg(g.privilege_type || CASE WHEN g.is_grantable THEN '*' ELSE '' END, ' '
        ORDER BY g.privilege_type) AS privileges
FROM package_relation AS c
CROSS JOIN LATERAL (
    SELECT NULL::text, c.relacl
    UNION ALL
    SELECT attname::text, attacl FROM pg_attribute WHERE attrelid = c.oid AND NOT attisdropped
) AS a (attname, acl)
CROSS JOIN aclexplode(a.acl) AS g
WHERE g.grantee <> c.relowner
GROUP BY 1, 2, 3;

CREATE VIEW designed_grants (tab, col, role, privileges) AS
VALUES
    ('skill_messages', '', 'skill_messages_service', 'INSERT SELECT'),
    ('skill_messages', 'status', 'skill_messages_service', 'UPDATE'),
    ('skill_messages', 'read_at', 'skill_messages_service', 'UPDATE'),
    ('skill_messages', '', 'skill_messages_app', 'SELECT'),
    ('skill_messages', 'id', 'skill_messages_app', 'INSERT'),
    ('skill_messages', 'tenant_id', 'skill_messages_app', 'INSERT'),
    ('skill_messages', 'from_user_id', 'skill_messages_app', 'INSERT'),
    ('skill_messages', 'to_user_id', 'skill_messages_app', 'INSERT'),
    ('skill_messages', 'subject_skill_id', 'skill_messages_app', 'INSERT'),
    ('skill_messages', 'proposed_parent_skill_id', 'skill_messages_app', 'INSERT'),
    ('skill_messages', 'message', 'skill_messages_app', 'INSERT'),
    ('skill_messages', 'status', 'skill_messages_app', 'UPDATE'),
    ('skill_messages', 'read_at', 'skill_messages_app', 'UPDATE'),
    ('skill_messages', '', 'skill_messages_retention', 'DELETE'),
    ('skill_messages', 'ctid', 'skill_messages_retention', 'SELECT'),
    ('skill_messages', 'id', 'skill_messages_retention', 'SELECT'),
    ('skill_messages', 'tenant_id', 'skill_messages_retention', 'SELECT'),
    ('skill_messages', 'from_user_id', 'skill_messages_retention', 'SELECT'),
    ('skill_messages', 'to_user_id', 'skill_messages_retention', 'SELECT'),
    ('skill_messages', 'status', 'skill_messages_retention', 'SELECT'),
    ('skill_messages', 'created_at', 'skill_messages_retention', 'SELECT'),
    ('skill_messages', 'read_at', 'skill_messages_retention', 'SELECT'),
    ('skill_messages', 'message', 'skill_messages_retention', 'UPDATE'),
    ('tenants', '', 'skill_messages_service', 'INSERT SELECT'),
    ('tenants', '', 'skill_messages_app', 'SELECT'),
    ('users', '', 'skill_messages_service', 'DELETE INSERT SELECT UPDATE'),
    ('users', '', 'skill_messages_app', 'SELECT'),
    ('skills', '', 'skill_messages_service', 'DELETE INSERT SELECT UPDATE'),
    ('skills', '', 'skill_messages_app', 'SELECT'),
    ('skill_message_totals', '', 'pg_monitor', 'SELECT'),
    ('skill_messages_private.tenant_names', '', 'skill_messages_service', 'SELECT'),
    ('skill_messages_private.tenant_names', '', 'skill_messages_app', 'SELECT'),
    ('skill_messages_private.user_names', '', 'skill_messages_service', 'SELECT'),
    ('skill_messages_private.user_names', '', 'skill_messages_app', 'SELECT'),
    ('skill_messages_private.skill_names', '', 'skill_messages_service', 'SELECT'),
    ('skill_messages_private.skill_names', '', 'skill_messages_app', 'SELECT');

-- On tenants, users and skills a host may grant what it likes.
CREATE FUNCTION granted_by_host(tab text) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(host_owns($1), (
        SELECT format('the host has granted %s to %s', $1, string_agg(DISTINCT g.role, ', '))
        FROM grants AS g
        WHERE g.tab = $1 AND g.tab IN ('tenants', 'users', 'skills') AND g.role NOT IN (
            'skill_messages_service', 'skill_messages_app', 'skill_messages_retention'
        )
        HAVING count(*) > 0
    ))
$$;

SELECT CASE
    WHEN granted_by_host(tab) IS NULL THEN bag_eq(
        format('SELECT * FROM grants WHERE tab = %L', tab),
        format('SELECT * FROM designed_grants WHERE tab = %L', tab),
        format('the privileges on %s are these, and no others, for nobody else', tab)
    )
    ELSE skip(granted_by_host(tab))
END
FROM (VALUES
    ('skill_messages'), ('tenants'), ('users'), ('skills'), ('skill_message_totals'),
    ('skill_messages_private.tenant_names'), ('skill_messages_private.user_names'),
    ('skill_messages_private.skill_names')
) AS t (tab);

SELECT is_empty(
    'SELECT * FROM grants WHERE tab NOT IN (SELECT tab FROM designed_grants)',
    'nobody has a privilege on anything else'
);

SELECT CASE
    WHEN granted_by_host(tab) IS NULL THEN table_privs_are('public', tab, role, privileges)
    ELSE skip(granted_by_host(tab))
END
FROM (VALUES
    ('skill_messages', 'skill_messages_service', '{SELECT,INSERT}'::text[]),
    ('skill_messages', 'skill_messages_app', '{SELECT}'),
    ('skill_messages', 'skill_messages_retention', '{DELETE}'),
    ('skill_messages', 'pg_monitor', '{}'),
    ('skill_messages', 'skill_messages_test_nobody', '{}'),
    ('skill_message_totals', 'pg_monitor', '{SELECT}'),
    ('skill_message_totals', 'skill_messages_service', '{}'),
    ('skill_message_totals', 'skill_messages_app', '{}'),
    ('skill_message_totals', 'skill_messages_retention', '{}'),
    ('skill_message_totals', 'skill_messages_test_nobody', '{}'),
    ('tenants', 'skill_messages_service', '{SELECT,INSERT}'),
    ('tenants', 'skill_messages_app', '{SELECT}'),
    ('tenants', 'skill_messages_retention', '{}'),
    ('tenants', 'skill_messages_test_nobody', '{}'),
    ('users', 'skill_messages_service', '{SELECT,INSERT,UPDATE,DELETE}'),
    ('users', 'skill_messages_app', '{SELECT}'),
    ('users', 'skill_messages_retention', '{}'),
    ('users', 'skill_messages_test_nobody', '{}'),
    ('skills', 'skill_messages_service', '{SELECT,INSERT,UPDATE,DELETE}'),
    ('skills', 'skill_messages_app', '{SELECT}'),
    ('skills', 'skill_messages_retention', '{}'),
    ('skills', 'skill_messages_test_nobody', '{}')
) AS p (tab, role, privileges);

SELECT column_privs_are('public', 'skill_messages', col, role, privileges)
FROM (VALUES
    ('id', '{INSERT,SELECT}'::text[], '{INSERT,SELECT}'::text[], '{SELECT}'::text[]),
    ('tenant_id', '{INSERT,SELECT}', '{INSERT,SELECT}', '{SELECT}'),
    ('from_user_id', '{INSERT,SELECT}', '{INSERT,SELECT}', '{SELECT}'),
    ('to_user_id', '{INSERT,SELECT}', '{INSERT,SELECT}', '{SELECT}'),
    ('subject_skill_id', '{INSERT,SELECT}', '{INSERT,SELECT}', '{}'),
    ('proposed_parent_skill_id', '{INSERT,SELECT}', '{INSERT,SELECT}', '{}'),
    ('message', '{INSERT,SELECT}', '{INSERT,SELECT}', '{UPDATE}'),
    ('status', '{INSERT,SELECT,UPDATE}', '{SELECT,UPDATE}', '{SELECT}'),
    ('created_at', '{INSERT,SELECT}', '{SELECT}', '{SELECT}'),
    ('read_at', '{INSERT,SELECT,UPDATE}', '{SELECT,UPDATE}', '{SELECT}'),
    ('answered_at', '{INSERT,SELECT}', '{SELECT}', '{}')
) AS c (col, service, app, retention)
CROSS JOIN LATERAL (VALUES
    ('skill_messages_service', service), ('skill_messages_app', app),
        ('skill_messages_retention', retention), ('skill_messages_test_nobody', '{}')
) AS p (role, privileges);

-- retention locks messages in the order of the table.
SELECT is(
    has_column_privilege(role, 'skill_messages', 'ctid', 'SELECT'), reads,
    format('%s %s ctid', role, CASE WHEN reads THEN 'reads' ELSE 'does not read' END)
)
FROM (VALUES
    ('skill_messages_retention', true), ('skill_messages_service', true),
    ('skill_messages_app', true), ('pg_monitor', false), ('skill_messages_test_nobody', false)
) AS p (role, reads);

-- Functions: names, arguments with their defaults, results, volatility, and who may execute them:
-- all that there are, in both schemas. "both" is service and app.
CREATE TEMP TABLE execution AS
SELECT schema, name, types, who, volatility, replace(arguments, 'PAGE',
        'user_id text DEFAULT NULL::text, max_messages integer DEFAULT 50, before_created_at '
        'timestamp with time zone DEFAULT NULL::timestamp with time zone, '
        'before_id text DEFAULT NULL::text') AS arguments,
    replace(replace(result, 'MESSAGE', 'TABLE(id text, tenant_id text, from_user_id text, '
        'to_user_id text, subject_skill_id text, proposed_parent_skill_id text, message text, '
        'status text, created_at timestamp with time zone, read_at timestamp with time zone, '
        'answered_at timestamp with time zone'),
        'NAMES', 'tenant_name text, from_user_name text, to_user_name text, '
        'subject_skill_name text, proposed_parent_skill_name text') AS result
FROM (VALUES
    -- The operations.
    ('public', 'set_skill_message_context', '{text,text}'::text[], 'both retention', 'v',
        'tenant_id text, user_id text DEFAULT NULL::text', 'void'),
    ('public', 'send_skill_message', '{text,text,text,text,text,text}', 'both', 'v',
        'from_user_id text, to_user_id text, subject_skill_id text, message text, '
        'proposed_parent_skill_id text DEFAULT NULL::text, id text DEFAULT NULL::text', 'text'),
    ('public', 'send_skill_messages', '{jsonb}', 'both', 'v', 'messages jsonb', 'text[]'),
    ('public', 'get_messages_for_user', '{text,integer,timestamptz,text}', 'both', 's', 'PAGE',
        'MESSAGE)'),
    ('public', 'get_messages_from_user', '{text,integer,timestamptz,text}', 'both', 's', 'PAGE',
        'MESSAGE)'),
    ('public', 'get_named_messages_for_user', '{text,integer,timestamptz,text}', 'both', 's',
        'PAGE', 'MESSAGE, NAMES)'),
    ('public', 'get_named_messages_from_user', '{text,integer,timestamptz,text}', 'both', 's',
        'PAGE', 'MESSAGE, NAMES)'),
    ('public', 'get_skill_message', '{text}', 'both', 's', 'message_id text', 'MESSAGE, NAMES)'),
    ('public', 'get_unread_count_for_user', '{text,bigint}', 'both', 's',
        'user_id text DEFAULT NULL::text, at_most bigint DEFAULT NULL::bigint', 'bigint'),
    ('public', 'get_message_stats', '{}', 'both', 's', '',
        'TABLE(pending bigint, accepted bigint, declined bigint, unread bigint, '
        'oldest_pending_created_at timestamp with time zone, median_time_to_answer interval)'),
    ('public', 'mark_message_read', '{text}', 'both', 'v', 'message_id text',
        'timestamp with time zone'),
    ('public', 'mark_messages_read', '{text,timestamptz,text[]}', 'both', 'v',
        'user_id text DEFAULT NULL::text, '
        'up_to_created_at timestamp with time zone DEFAULT NULL::timestamp with time zone, '
        'message_ids text[] DEFAULT NULL::text[]', 'bigint'),
    ('public', 'update_message_status', '{text,text}', 'both', 'v',
        'message_id text, status text',
        'TABLE(id text, tenant_id text, from_user_id text, to_user_id text, '
        'subject_skill_id text, proposed_parent_skill_id text, message text, new_status text, '
        'created_at timestamp with time zone, read_at timestamp with time zone, '
        'answered_at timestamp with time zone)'),
    ('public', 'export_user_messages', '{text}', 'both', 's', 'user_id text DEFAULT NULL::text',
        'TABLE(line jsonb)'),
    ('public', 'erase_user_messages', '{text,boolean}', 'retention', 'v',
        'user_id text, keep_decided boolean DEFAULT true', 'TABLE(deleted bigint, erased bigint)'),
    ('public', 'purge_skill_messages', '{interval,integer,text,boolean,boolean,boolean,bigint}',
        'retention', 'v',
        'IN older_than interval, IN batch_size integer DEFAULT 1000, '
        'IN tenant_id text DEFAULT NULL::text, IN include_pending boolean DEFAULT false, '
        'IN include_unread boolean DEFAULT false, IN dry_run boolean DEFAULT false, '
        'INOUT deleted bigint DEFAULT 0', 'procedure'),
    ('public', 'switch_skill_message_notifications', '{boolean}', 'nobody', 'v',
        'switched_on boolean', 'void'),
    ('public', 'skill_messages_version', '{}', 'both retention monitor', 'i', '',
        'TABLE(release text, last_change text)'),

    -- What the operations call.
    ('private', 'acts_as_app', '{}', 'both retention', 's', '', 'boolean'),
    ('private', 'check_skill_message_caller', '{text[]}', 'both retention', 's',
        'roles text[] DEFAULT ARRAY[''skill_messages_service''::text, '
        '''skill_messages_app''::text]', 'void'),
    ('private', 'check_skill_message_context', '{text,text}', 'both retention', 'v',
        'tenant_id text, user_id text', 'void'),
    ('private', 'current_skill_message_tenant', '{text,text}', 'both retention', 's',
        'argument text DEFAULT NULL::text, acting_user_id text DEFAULT NULL::text', 'text'),
    ('private', 'raise_read_only', '{text}', 'both retention', 'v', 'operation text', 'void'),
    ('private', 'raise_skill_message_violation', '{text,text,text}', 'both retention', 's',
        'violation text, constraint_name text, argument text', 'void'),
    ('private', 'raise_no_such_skill_message', '{text}', 'both', 's', 'message_id text', 'void'),
    ('private', 'new_skill_message_id', '{}', 'both', 'v', '', 'text'),
    ('private', 'check_skill_message_page', '{text,integer,timestamptz,text}', 'both', 's',
        'user_id text, max_messages integer, before_created_at timestamp with time zone, '
        'before_id text', 'void'),
    ('private', 'check_skill_message_batch', '{jsonb}', 'both', 'i', 'messages jsonb', 'void'),
    ('private', 'check_skill_message_retry', '{text,text,text,text,text,text,text}', 'both', 'v',
        'tenant_id text, id text, from_user_id text, to_user_id text, subject_skill_id text, '
        'message text, proposed_parent_skill_id text', 'void'),
    ('private', 'delete_skill_messages', '{text,timestamptz,integer,boolean,boolean,boolean}',
        'retention', 'v',
        'tenant_id text, created_before timestamp with time zone, batch_size integer, '
        'include_pending boolean, include_unread boolean, dry_run boolean', 'bigint'),

    -- Triggers.
    ('private', 'notify_skill_message', '{}', 'nobody', 'v', '', 'trigger'),
    ('private', 'refuse_skill_message_change', '{}', 'nobody', 'v', '', 'trigger'),
    ('private', 'set_skill_message_times', '{}', 'nobody', 'v', '', 'trigger'),

    -- What deploy and verify call.
    ('private', 'preflight', '{}', 'nobody', 's', '', 'void'),
    ('private', 'begin_change', '{}', 'nobody', 'v', '', 'procedure'),
    ('private', 'operations', '{}', 'nobody', 'i', '', 'SETOF text'),
    ('private', 'has_host_key', '{regclass}', 'nobody', 's', 'host regclass', 'boolean'),
    ('private', 'host_key_statements', '{text,boolean}', 'nobody', 's',
        'name text, wanted boolean DEFAULT true', 'SETOF text'),
    ('private', 'short_locks', '{text}', 'nobody', 'v', 'IN statement text', 'procedure'),
    ('private', 'add_foreign_key', '{text,text}', 'nobody', 'v',
        'IN name text, IN definition text', 'procedure'),
    ('private', 'check_revert', '{text}', 'nobody', 'v', 'IN messages text', 'procedure'),
    ('private', 'rehearse_revert', '{boolean}', 'nobody', 'v', 'IN discard boolean', 'procedure'),
    ('private', 'hidden_names', '{}', 'nobody', 's', '', 'SETOF text'),
    ('private', 'other_grantees', '{text,text[]}', 'nobody', 's',
        'relation text, VARIADIC expected text[]', 'text'),
    ('private', 'revoke_from_all', '{text}', 'nobody', 'v', 'IN object text', 'procedure'),
    ('private', 'verify_function', '{text,text,text,text[],text}', 'nobody', 's',
        'signature text, arguments text, result text, callers text[], '
        'volatility text DEFAULT ''volatile''::text', 'void'),
    ('private', 'verify_policy', '{text,text,text,text,text[],text,text}', 'nobody', 's',
        'relation text, policy text, kind text, command text, roles text[], '
        'using_expression text, check_expression text', 'void'),
    ('private', 'verify_privileges', '{text,text,text}', 'nobody', 's',
        'relation text, role text, privileges text', 'void'),
    ('private', 'verify_trigger', '{text,text,text}', 'nobody', 's',
        'trigger_name text, function_name text, definition text', 'void')
) AS f (place, name, types, who, volatility, arguments, result)
CROSS JOIN LATERAL (
    SELECT CASE place WHEN 'public' THEN 'public' ELSE 'skill_messages_private' END
) AS s (schema);

SELECT is(
    (SELECT format('(%s) %s %s', pg_get_function_arguments(oid),
        coalesce(pg_get_function_result(oid), 'procedure'), provolatile)
    FROM pg_proc WHERE pronamespace = schema::regnamespace AND proname = name),
    format('(%s) %s %s', arguments, result, volatility),
    format('%s.%s(%s)', schema, name, arguments)
)
FROM execution;

SELECT function_privs_are(schema, name, types, role, CASE
    WHEN role IN ('skill_messages_service', 'skill_messages_app') AND who ~ 'both'
        OR role = 'skill_messages_retention' AND who ~ 'retention'
        OR role = 'pg_monitor' AND who ~ 'monitor' THEN '{EXECUTE}'::text[]
    ELSE '{}'
END)
FROM execution
CROSS JOIN (VALUES
    ('skill_messages_service'), ('skill_messages_app'), ('skill_messages_retention'),
    ('pg_monitor'), ('skill_messages_test_nobody')
) AS r (role);

-- All grants, so that no other role has one.
SELECT bag_eq(
    $$
        SELECT p.oid::regproc::text AS name,
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END AS role,
            g.is_grantable
        FROM package_function AS p
        CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
        WHERE g.grantee <> p.proowner
    $$,
    $$
        SELECT CASE schema WHEN 'public' THEN '' ELSE schema || '.' END || name AS name, role,
            false AS grantable
        FROM execution
        CROSS JOIN (VALUES
            ('skill_messages_service', 'both'), ('skill_messages_app', 'both'),
            ('skill_messages_retention', 'retention'), ('pg_monitor', 'monitor')
        ) AS r (role, whose)
        WHERE who ~ whose
    $$,
    'nobody else may execute any'
);

SELECT bag_eq(
    $$
        SELECT pronamespace::regnamespace::text, proname::text FROM package_function
    $$,
    'SELECT schema, name FROM execution', 'there are no other functions'
);

SELECT is_empty(
    format($$
        SELECT p.oid::regprocedure
        FROM package_function AS p
        JOIN pg_language AS l ON l.oid = p.prolang
        WHERE %s
    $$, condition),
    'no function ' || what
)
FROM (VALUES
    ('is in another language than PL/pgSQL, but for one expression that the planner puts in place '
        'of its call', 'l.lanname <> ''plpgsql'' AND p.proname <> ''new_skill_message_id'''),
    ('runs as its owner', 'p.prosecdef'),
    ('is held for leakproof: the planner would call it before the policies', 'p.proleakproof'),
    ('is strict: null would be answered with null', 'p.proisstrict'),
    ('may run in parallel: it reads settings', 'p.proparallel <> ''u'''),
    ('has another setting than its search_path',
        'coalesce(p.proconfig, ''{}'') <> ''{"search_path=pg_catalog, pg_temp"}'' '
        'AND p.proname NOT IN (''purge_skill_messages'', ''begin_change'', '
        '''new_skill_message_id'')'),
    ('has a support function or a transform', 'p.prosupport <> 0 OR p.protrftypes IS NOT NULL'),
    ('has another cost than the planner assumes',
        'p.procost <> 100 OR p.prorows <> CASE WHEN p.proretset THEN 1000 ELSE 0 END')
) AS rules (what, condition);

-- Two commit, and so can have no setting; the third, with one, would be no expression any more.
SELECT is(
    (SELECT concat_ws(' ', l.lanname, p.proconfig, p.prosqlbody IS NOT NULL)
    FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.oid = name::regproc),
    expected, name || '() has no setting'
)
FROM (VALUES
    ('purge_skill_messages', 'plpgsql f'), ('skill_messages_private.begin_change', 'plpgsql f'),
    ('skill_messages_private.new_skill_message_id', 'sql t')
) AS f (name, expected);

-- Where many rows are locked, then in the order of the table, or two sessions meet in a deadlock; a
-- purge passes by what others have locked. It takes a second session to see that: here is what the
-- functions say, less their comments.
SELECT bag_eq(
    $$
        SELECT p.proname::text, btrim(regexp_replace(l.clause[1], '\s+', ' ', 'g'))
        FROM package_function AS p
        CROSS JOIN regexp_matches(
            regexp_replace(p.prosrc, '--[^\n]*', '', 'g'),
            '((?:ORDER BY [^;]*?)?\mFOR (?:NO KEY |KEY )?(?:UPDATE|SHARE)\M[^;)]*)', 'g'
        ) AS l (clause)
    $$,
    $$VALUES
        ('delete_skill_messages', 'FOR UPDATE SKIP LOCKED'),
        ('erase_user_messages', 'ORDER BY m.ctid FOR UPDATE'),
        ('mark_messages_read', 'ORDER BY m.ctid FOR UPDATE'),
        ('mark_messages_read', 'ORDER BY m.ctid FOR UPDATE'),
        ('update_message_status', 'FOR UPDATE')
    $$,
    'these functions lock rows, in this order'
);

SELECT * FROM finish();
ROLLBACK;
