-- What is deployed: roles, the table's columns, keys, foreign keys with their actions, indexes,
-- triggers, policies, privileges, and the functions' signatures, which are the public API.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(261);

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

-- Columns, in this order.
SELECT columns_are('public', 'skill_messages', ARRAY[
    'id', 'tenant_id', 'from_user_id', 'to_user_id', 'subject_skill_id', 'proposed_parent_skill_id',
        'message',
    'status', 'created_at', 'read_at', 'answered_at'
]);

SELECT is(
    (SELECT (a.attnum::int, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid))::text
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'skill_messages'::regclass AND a.attname = col),
    (num, type, not_null, expression)::text,
    format('column %s is number %s, %s', col, num, type)
)
FROM (VALUES
    (1, 'id', 'text', true, 'new_skill_message_id()'),
    (2, 'tenant_id', 'text', true, NULL),
    (3, 'from_user_id', 'text', true, NULL),
    (4, 'to_user_id', 'text', true, NULL),
    (5, 'subject_skill_id', 'text', true, NULL),
    (6, 'proposed_parent_skill_id', 'text', false, NULL),
    (7, 'message', 'text', true, NULL),
    (8, 'status', 'text', true, '''pending''::text'),
    (9, 'created_at', 'timestamp with time zone', true, 'now()'),
    (10, 'read_at', 'timestamp with time zone', false, NULL),
    (11, 'answered_at', 'timestamp with time zone', false, NULL)
) AS c (num, col, type, not_null, expression);

SELECT is(
    (SELECT reloptions FROM pg_class WHERE oid = 'skill_messages'::regclass), '{fillfactor=90}',
    'there is room for updates on a page'
);

SELECT is(
    (SELECT collname FROM pg_attribute AS a JOIN pg_collation AS l ON l.oid = a.attcollation
    WHERE a.attrelid = 'skill_messages'::regclass AND a.attname = 'id'),
    'C', 'ids are ordered by their bytes, whatever the locale'
);

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

SELECT is(
    (SELECT pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = ('public.' || tab)::regclass AND conname = name AND convalidated),
    definition, name || ': ' || definition
)
FROM (VALUES
    ('skill_messages', 'skill_messages_pkey', 'PRIMARY KEY (id)'),
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
    ('users', 'users_pkey', 'PRIMARY KEY (id)'),
    ('users', 'users_skill_messages_key', 'UNIQUE (tenant_id, id)'),
    ('skills', 'skills_pkey', 'PRIMARY KEY (id)'),
    ('skills', 'skills_skill_messages_key', 'UNIQUE (tenant_id, id)'),
    ('tenants', 'tenants_pkey', 'PRIMARY KEY (id)')
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

-- The two that give a page its order.
SELECT matches(
    (SELECT pg_get_indexdef(to_regclass('public.' || name))), ' btree \(' || columns || '\)$',
    format('index %s is on %s, all of it', name, columns)
)
FROM (VALUES
    ('skill_messages_to_user_idx', 'to_user_id, tenant_id, created_at, id'),
    ('skill_messages_from_user_idx', 'from_user_id, tenant_id, created_at, id')
) AS i (name, columns);

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
    ('answered_once', 'UPDATE'),
    ('first_reading_stands', 'UPDATE'),
    ('content_never_changes', 'UPDATE')
) AS t (name, event);

-- Policies: two doors, several walls. The walls behind a door repeat it, so that acting alone
-- cannot tell whether each of them stands: their definitions must be these, and there must be no
-- others.
PREPARE policies AS
SELECT
    tablename || '.' || policyname, permissive, cmd, array_to_string(roles, ' '),
    regexp_replace(qual, '\s+', ' ', 'g') AS qual,
        regexp_replace(with_check, '\s+', ' ', 'g') AS with_check
FROM pg_policies
WHERE schemaname = 'public';

PREPARE designed_policies AS
WITH predicate (host, host_tenant, tenant, sender, recipient, either) AS (VALUES (
    '(tenant_id = NULLIF(current_setting(''app.current_tenant_id''::text, true), ''''::text))',
    '(id = NULLIF(current_setting(''app.current_tenant_id''::text, true), ''''::text))',
    '(tenant_id = current_setting(''app.current_tenant_id''::text, true))',
    '(from_user_id = current_setting(''app.current_user_id''::text, true))',
    '(to_user_id = current_setting(''app.current_user_id''::text, true))',
    ' CASE ( SELECT current_setting(''app.current_user_id''::text, true) AS current_setting) '
    'WHEN to_user_id THEN true WHEN from_user_id THEN true ELSE false END'
))
SELECT policy.*
FROM predicate
CROSS JOIN LATERAL (VALUES
    ('skill_messages.tenant_access', 'PERMISSIVE', 'ALL',
        'skill_messages_app skill_messages_service', tenant, tenant),
    ('skill_messages.retention_access', 'PERMISSIVE', 'ALL', 'skill_messages_retention', tenant,
        tenant),
    ('skill_messages.tenant_isolation', 'RESTRICTIVE', 'ALL', 'public', tenant, tenant),
    ('skill_messages.app_reads_own', 'RESTRICTIVE', 'SELECT', 'skill_messages_app', either, NULL),
    ('skill_messages.app_sends_as_itself', 'RESTRICTIVE', 'INSERT', 'skill_messages_app', NULL,
        sender),
    ('skill_messages.app_answers_received', 'RESTRICTIVE', 'UPDATE', 'skill_messages_app',
        recipient, recipient),
    ('tenants.tenant_access', 'PERMISSIVE', 'ALL', 'skill_messages_app skill_messages_service',
        host_tenant, host_tenant),
    ('tenants.tenant_isolation', 'RESTRICTIVE', 'ALL', 'public', host_tenant, host_tenant),
    ('users.tenant_access', 'PERMISSIVE', 'ALL', 'skill_messages_app skill_messages_service', host,
        host),
    ('users.tenant_isolation', 'RESTRICTIVE', 'ALL', 'public', host, host),
    ('skills.tenant_access', 'PERMISSIVE', 'ALL', 'skill_messages_app skill_messages_service', host,
        host),
    ('skills.tenant_isolation', 'RESTRICTIVE', 'ALL', 'public', host, host)
) AS policy;

SELECT bag_eq('policies', 'designed_policies',
    'these policies, with these expressions, and no others');

-- Privileges: on the tables, and on each column of the messages.
SELECT table_privs_are('public', tab, role, privileges)
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
    ('tenants', 'skill_messages_service', '{SELECT}'),
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

-- Functions: names, arguments with their defaults, results, volatility; those of the core. Each
-- change verifies its own.
SELECT is(
    (SELECT format('(%s) %s %s', pg_get_function_arguments(oid), pg_get_function_result(oid),
        provolatile)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = name),
    format('(%s) %s %s', arguments, replace(result, 'MESSAGE', message), volatility),
        format('%s(%s)', name, arguments)
)
FROM (VALUES
    ('set_skill_message_context', 'tenant_id text, user_id text DEFAULT NULL::text', 'void', 'v'),
    ('send_skill_message',
        'from_user_id text, to_user_id text, subject_skill_id text, message text, '
        'proposed_parent_skill_id text DEFAULT NULL::text, id text DEFAULT NULL::text', 'text',
            'v'),
    ('get_messages_for_user', 'user_id text, max_messages integer DEFAULT 50, '
        'before_created_at timestamp with time zone DEFAULT NULL::timestamp with time zone, '
        'before_id text DEFAULT NULL::text',
            'TABLE(MESSAGE status text, created_at timestamp with time zone, '
        'read_at timestamp with time zone)', 's'),
    ('get_unread_count_for_user', 'user_id text, at_most bigint DEFAULT NULL::bigint', 'bigint',
        's'),
    ('mark_message_read', 'message_id text', 'timestamp with time zone', 'v'),
    ('update_message_status', 'message_id text, status text', 'TABLE(MESSAGE new_status text, '
        'created_at timestamp with time zone, read_at timestamp with time zone)', 'v')
) AS f (name, arguments, result, volatility)
CROSS JOIN (VALUES (
    'id text, tenant_id text, from_user_id text, to_user_id text, subject_skill_id text, '
    'proposed_parent_skill_id text, message text,'
)) AS shared (message);

-- Who may execute what: all functions that there are. "both" is service and app.
CREATE TEMP TABLE execution AS
SELECT *
FROM (VALUES
    ('set_skill_message_context', '{text,text}'::text[], 'both retention'),
    ('current_skill_message_tenant', '{text}', 'both retention'),
    ('raise_skill_message_violation', '{text,text,text,text}', 'both retention'),
    ('new_skill_message_id', '{}', 'both'),
    ('raise_no_such_skill_message', '{text}', 'both'),
    ('check_skill_message_page', '{text,integer,timestamptz,text}', 'both'),
    ('check_skill_message_batch', '{jsonb}', 'both'),
    ('check_skill_message_retry', '{text,text,text,text,text,text,text}', 'both'),
    ('send_skill_message', '{text,text,text,text,text,text}', 'both'),
    ('send_skill_messages', '{jsonb}', 'both'),
    ('get_messages_for_user', '{text,integer,timestamptz,text}', 'both'),
    ('get_messages_from_user', '{text,integer,timestamptz,text}', 'both'),
    ('get_skill_message', '{text}', 'both'),
    ('get_unread_count_for_user', '{text,bigint}', 'both'),
    ('get_message_stats', '{}', 'both'),
    ('mark_message_read', '{text}', 'both'),
    ('mark_messages_read', '{text,timestamptz}', 'both'),
    ('update_message_status', '{text,text}', 'both'),
    ('export_user_messages', '{text}', 'both'),
    ('erase_user_messages', '{text}', 'retention'),
    ('delete_skill_messages', '{text,timestamptz,integer,boolean,boolean,boolean}', 'retention'),
    ('purge_skill_messages', '{interval,integer,text,boolean,boolean,boolean,bigint}',
        'retention'),
    ('switch_skill_message_notifications', '{boolean}', 'nobody'),
    ('notify_skill_message', '{}', 'nobody'),
    ('refuse_skill_message_change', '{}', 'nobody'),
    ('note_time_of_skill_message_answer', '{}', 'nobody')
) AS f (name, arguments, who);

SELECT function_privs_are('public', name, arguments, role, CASE
    WHEN role IN ('skill_messages_service', 'skill_messages_app') AND who ~ 'both'
        OR role = 'skill_messages_retention' AND who ~ 'retention' THEN '{EXECUTE}'::text[]
    ELSE '{}'
END)
FROM execution
CROSS JOIN (VALUES
    ('skill_messages_service'), ('skill_messages_app'), ('skill_messages_retention'),
    ('pg_monitor'), ('skill_messages_test_nobody')
) AS r (role);

SELECT bag_eq(
    'SELECT proname::text FROM pg_proc WHERE pronamespace = ''public''::regnamespace',
    'SELECT name FROM execution', 'there are no other functions'
);

-- A procedure that commits: its arguments, as CALL names them.
SELECT is(
    (SELECT pg_get_function_arguments(oid) FROM pg_proc
    WHERE proname = 'purge_skill_messages' AND prokind = 'p'),
    'IN older_than interval, IN batch_size integer DEFAULT 1000, '
    'IN tenant_id text DEFAULT NULL::text, IN include_pending boolean DEFAULT false, '
    'IN include_unread boolean DEFAULT false, IN dry_run boolean DEFAULT false, '
    'INOUT deleted bigint DEFAULT 0',
    'purge_skill_messages() deletes what is pending or unread only if asked to'
);

SELECT * FROM finish();
ROLLBACK;
