-- One message with all its names, for whoever may see it.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(215);

CALL set_triggers_aside();

-- What a host has not granted yet, or hides by its own policies.
SELECT is_unless(
    (SELECT 'the host has yet to run: ' || string_agg(statement, '; ') FROM hidden_name
    WHERE reason IS NOT NULL),
    (SELECT string_agg(statement, '; ') FROM hidden_name), NULL,
    'service and app may read the names'
);

CREATE FUNCTION names_seen(actor text) RETURNS text
LANGUAGE sql
AS $$
    SELECT attempt(actor, 'acme', 'ann', $_$
        SELECT count(*)
        FROM skill_messages_private.tenant_names AS t
        JOIN skill_messages_private.user_names AS u ON u.tenant_id = t.id
        JOIN skill_messages_private.skill_names AS s ON s.tenant_id = t.id
        WHERE t.id = 'acme'
    $_$)
$$;

CREATE FUNCTION hides(actor text) RETURNS text
LANGUAGE sql
AS $$
    SELECT 'the policies of the host hide names from ' || actor
    WHERE host_owns('tenants', 'users', 'skills') IS NOT NULL
        AND names_seen(actor) <> names_seen('superuser')
$$;

-- The names of a message, as the host calls tenant, users and skills.
CREATE FUNCTION names_of(message_id text, tenant text) RETURNS text[]
LANGUAGE sql STABLE
AS $$
    SELECT ARRAY[name_of('tenants', tenant, tenant), name_of('users', tenant, m.from_user_id),
        name_of('users', tenant, m.to_user_id), name_of('skills', tenant, m.subject_skill_id),
        name_of('skills', tenant, m.proposed_parent_skill_id)]
    FROM fixture_messages AS m
    WHERE m.id = message_id AND m.tenant_id = tenant
$$;

-- Those are the column "name" of the host's tables, or null where there is none.
SELECT is_unless(
    CASE WHEN name_of(tab, 'acme', id) IS DISTINCT FROM content ->> 'name'
        THEN host_owns(tab) || ', and it has replaced the view of its names' END,
    name_of(tab, 'acme', id),
    CASE WHEN host_owns(tab) IS NULL THEN literal ELSE content ->> 'name' END,
    format('%s: %s', tab, id)
)
FROM (
    SELECT 'tenants', id, to_jsonb(t), 'Acme' FROM tenants AS t WHERE id = 'acme'
    UNION ALL
    SELECT 'users', id, to_jsonb(u), 'Ann' FROM users AS u WHERE tenant_id = 'acme' AND id = 'ann'
    UNION ALL
    SELECT 'users', id, to_jsonb(u), 'Ben' FROM users AS u WHERE tenant_id = 'acme' AND id = 'ben'
    UNION ALL
    SELECT 'skills', id, to_jsonb(s), 'Knots'
    FROM skills AS s WHERE tenant_id = 'acme' AND id = 'knots'
    UNION ALL
    SELECT 'skills', id, to_jsonb(s), 'Sails'
    FROM skills AS s WHERE tenant_id = 'acme' AND id = 'sails'
) AS n (tab, id, content, literal);

-- Whole, and by name. All columns come as they are stored.
SELECT is_unless(
    hides(actor),
    attempt(actor, 'acme', me, format('SELECT to_jsonb(m) FROM get_skill_message(%L) AS m', id)),
    (
        SELECT to_jsonb(m) || jsonb_build_object('tenant_name', names[1],
            'from_user_name', names[2], 'to_user_name', names[3],
            'subject_skill_name', names[4], 'proposed_parent_skill_name', names[5])
        FROM fixture_messages AS m
        WHERE m.id = page.id
    )::text,
    format('%s as %L sees %s', actor, me, id)
)
FROM (VALUES ('a4'), ('a2'), ('a5')) AS page (id)
CROSS JOIN LATERAL names_of(id, 'acme') AS names
CROSS JOIN (VALUES
    ('service', ''), ('superuser', ''), ('app', 'ann'), ('app', 'ben'), ('app login', 'ben'),
    ('both', 'ann')
) AS actors (actor, me);

-- The inbox and the sent box with names: the messages of the box, in its order, each as it is with
-- names alone. box: 'for' or 'from'.
CREATE FUNCTION named_box(actor text, tenant text, me text, box text) RETURNS text
LANGUAGE sql
AS $$
    SELECT attempt(actor, tenant, me, format(
        'SELECT to_jsonb(m) FROM get_named_messages_%s_user(%L) AS m', box, me))
$$;

CREATE FUNCTION one_by_one(actor text, tenant text, me text, box text) RETURNS text
LANGUAGE sql
AS $$
    SELECT attempt(actor, tenant, me, format(
        'SELECT to_jsonb(m) FROM get_messages_%s_user(%L) WITH ORDINALITY AS page '
        'CROSS JOIN get_skill_message(page.id) AS m ORDER BY page.ordinality', box, me))
$$;

PREPARE boxes (text) AS
SELECT is(
    named_box(actor, tenant, me, box), one_by_one(actor, tenant, me, box),
    format('%s: messages %s %s in %s, with names: %s', actor, box, me, tenant, $1)
)
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES ('acme', 'ann'), ('acme', 'ben'), ('acme', 'cid'), ('Acme', 'Ann')
) AS users (tenant, me)
CROSS JOIN (VALUES ('for'), ('from')) AS boxes (box);

EXECUTE boxes('as sent');

SELECT is(
    (SELECT array_agg(name ORDER BY number)
    FROM unnest(proargnames, proargmodes) WITH ORDINALITY AS a (name, mode, number)
    WHERE mode = 't'),
    '{id,tenant_id,from_user_id,to_user_id,subject_skill_id,proposed_parent_skill_id,message,'
    'status,created_at,read_at,answered_at,tenant_name,from_user_name,to_user_name,'
    'subject_skill_name,proposed_parent_skill_name}'::text[],
    'the columns are those of the table, then the names'
)
FROM pg_proc
WHERE oid = 'get_skill_message'::regproc;

SELECT is_unless(
    hides('app'), attempt('app', 'acme', 'ben', 'SELECT * FROM get_skill_message(''a4'')'),
    (SELECT string_agg(coalesce(value, 'null'), ',' ORDER BY number)
    FROM fixture_messages AS m
    CROSS JOIN json_each_text(to_json(m)) WITH ORDINALITY AS c (key, value, number)
    WHERE m.id = 'a4') || ',' || array_to_string(names_of('a4', 'acme'), ',', 'null'),
    'and each has what it says'
);

SELECT is_unless(
    hides(actor),
    attempt(actor, 'Acme', me, 'SELECT tenant_name, from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(message_id => '
        '''g1'')'),
    array_to_string(names_of('g1', 'Acme'), ',', 'null'), format('%s as %L in Acme', actor, me)
)
FROM (VALUES ('service', ''), ('app', 'Ann'), ('app', 'gus')) AS actors (actor, me);

-- Two of one name, and a message to oneself.
\if :users_are_ours
UPDATE users SET name = 'Ann' WHERE tenant_id = 'acme' AND id = 'ben';
\endif
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,
    proposed_parent_skill_id, message)
VALUES ('self', 'acme', 'ann', 'ann', 'knots', 'knots', 'To myself');

SELECT is_unless(
    hides('app'), attempt('app', 'acme', 'ann', format('SELECT tenant_name, from_user_name, '
        'to_user_name, subject_skill_name, proposed_parent_skill_name FROM get_skill_message(%L)',
        id)),
    CASE WHEN host_owns('tenants', 'users', 'skills') IS NULL THEN expected
        ELSE array_to_string(names_of(id, 'acme'), ',', 'null') END,
    'the names of ' || id
)
FROM (VALUES ('a1', 'Acme,Ann,Ann,Knots,Ropes'), ('self', 'Acme,Ann,Ann,Knots,Knots')
) AS pages (id, expected);

-- Nobody else: absent, of another tenant and between others read the same.
SELECT is(
    complaint(actor, tenant, me, format('SELECT id FROM get_skill_message(%L)', id)),
    format('SM002 message_id "%s": no such message', id),
    format('%s as %L in %s: %s', actor, me, tenant, id)
)
FROM (VALUES
    ('service', 'acme', '', 'a9'), ('service', 'acme', '', 'g1'), ('service', 'acme', '', 'A1'),
    ('service', 'acme', '', ''), ('service', 'acme', '', '%'), ('service', 'Acme', '', 'a1'),
    ('service', 'nowhere', '', 'a1'), ('superuser', 'Acme', '', 'a1'),
    ('app', 'acme', 'cid', 'a1'), ('app', 'acme', 'cid', 'a9'), ('app', 'acme', 'cid', 'g1'),
    ('app', 'acme', 'ann', 'a3'), ('both', 'acme', 'ann', 'a3'), ('app', 'Acme', 'ann', 'a1'),
    ('app', 'acme', 'Ann', 'g1'), ('app', 'acme', 'ANN', 'a1')
) AS calls (actor, tenant, me, id);

-- To the owner, who sees no message, it says why.
SELECT is_unless(
    a.unbound, concat_ws(' ', t.code, t.message, t.hint),
    format('42501 %s does not have the rights of skill_messages_service or skill_messages_app '
        'GRANT skill_messages_service TO %1$I%s', a.role,
        CASE WHEN current_setting('server_version_num')::integer >= 160000
            THEN ' WITH INHERIT TRUE' ELSE '' END),
    'the owner looks for ' || id
)
FROM (VALUES ('a1'), ('absent')) AS ids (id)
CROSS JOIN actor AS a
CROSS JOIN trial('owner', 'acme', 'ben', format('SELECT id FROM get_skill_message(%L)', id),
    false) AS t
WHERE a.name = 'owner';

-- Looking is not reading.
SELECT is(
    act('app', 'acme', 'ann', 'SELECT read_at FROM get_skill_message(''a2'')'), 'null',
    'ann looks at a2'
);

SELECT is((SELECT read_at FROM fixture_messages WHERE id = 'a2'), NULL, 'and has not read it');

-- A parent that is deleted is null, id and name; then an answer, a reading and an erasure.
SELECT is(
    act(actor, 'acme', 'ben', statement), expected, format('%s: %s', actor, statement)
)
FROM (VALUES
    (keeper('skills'), 'DELETE FROM skills WHERE id = ''ropes''' || keeps_to('skills', 'acme'),
        '1 rows'),
    ('app', 'SELECT proposed_parent_skill_id, proposed_parent_skill_name '
        'FROM get_skill_message(''a1'')', 'null,null'),
    ('app', 'SELECT id FROM get_skill_message(''a2'')', 'SM002'),
    ('app', 'SELECT id FROM update_message_status(''a1'', ''declined'')', 'a1'),
    ('app', 'SELECT mark_message_read(''a1'') = date_trunc(''milliseconds'', now())', 'true'),
    ('app', 'SELECT status, read_at = date_trunc(''milliseconds'', now()), answered_at = read_at '
        'FROM get_skill_message(''a1'')', 'declined,true,true'),
    ('retention', 'SELECT * FROM erase_user_messages(''ben'')', '1,3'),
    ('app', 'SELECT message FROM get_skill_message(''a1'')', '[erased]')
) AS story (actor, statement, expected);

SELECT is_unless(
    hides('app'), attempt('app', 'acme', 'ben', 'SELECT tenant_name, from_user_name, '
        'to_user_name, subject_skill_name, proposed_parent_skill_name '
        'FROM get_skill_message(''a1'')'),
    array_to_string(names_of('a1', 'acme'), ',', 'null'),
    'the names stay, but for that of the deleted skill'
);

EXECUTE boxes('after an erasure');

-- An id that both tenants have, of the message, of users and skills: every name is that of the
-- message's own tenant. Where ids are unique across tenants, users and skills are the tenant's own.
\set other_ann Ann
\set other_knots Knots
\if :ids_are_shared
\set other_ann ann
\set other_knots knots
CALL add_user('Acme', 'ann', 'A third Ann');
CALL add_skill('Acme', 'knots', 'Third knots');
\endif
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,
    proposed_parent_skill_id, message)
VALUES
    ('shared', 'acme', 'ann', 'cid', 'knots', 'sails', 'Hello'),
    ('shared', 'Acme', :'other_ann', :'other_ann', :'other_knots', :'other_knots', 'Hello');

SELECT is_unless(
    hides(actor),
    attempt(actor, tenant, me, 'SELECT tenant_name, from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(''shared'')'),
    CASE WHEN host_owns('tenants', 'users', 'skills') IS NULL THEN expected
        ELSE array_to_string(names_of('shared', tenant), ',', 'null') END,
    format('%s in %s', actor, tenant)
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('acme', 'ann', 'Acme,Ann,Cid,Knots,Sails'),
    ('Acme', :'other_ann', 'Another Acme,A third Ann,A third Ann,Third knots,Third knots')
) AS tenants (tenant, me, expected);

EXECUTE boxes('of ids that both tenants have');

-- What the host's own policies hide has no name; the message is there all the same.
\if :tables_are_ours
CREATE POLICY shy ON users AS RESTRICTIVE TO skill_messages_app USING (id <> 'cid');
CREATE POLICY shy ON skills AS RESTRICTIVE TO skill_messages_app USING (id <> 'knots');
CREATE POLICY shy ON tenants AS RESTRICTIVE TO skill_messages_app USING (false);

SELECT is(
    attempt(actor, 'acme', 'ann', 'SELECT id, tenant_name, from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(''shared'')'),
    expected, actor || ', from whom the host hides cid, knots and the tenant'
)
FROM (VALUES
    ('service', 'shared,Acme,Ann,Cid,Knots,Sails'), ('app', 'shared,null,Ann,null,null,Sails'),
    ('both', 'shared,null,Ann,null,null,Sails')
) AS actors (actor, expected);

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,
    proposed_parent_skill_id, message, created_at)
VALUES ('from cid', 'acme', 'cid', 'ann', 'sails', 'knots', 'Hello', '2026-01-01');

SELECT is(
    attempt(actor, 'acme', 'ann', 'SELECT id, tenant_name, from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(''from cid'')'),
    expected, actor || ', from whom the host hides the sender and the parent'
)
FROM (VALUES
    ('service', 'from cid,Acme,Cid,Ann,Sails,Knots'), ('app', 'from cid,null,null,Ann,Sails,null')
) AS actors (actor, expected);

SELECT is(named_box(actor, 'acme', 'ann', 'from'), one_by_one(actor, 'acme', 'ann', 'from'),
    actor || ', from whom they are hidden in the sent box')
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor);

DROP POLICY shy ON users;
DROP POLICY shy ON skills;
DROP POLICY shy ON tenants;
\else
SELECT skip(host_owns('tenants', 'users', 'skills'), 8);
\endif

-- A host that calls a name otherwise, or has none, replaces the view, and nothing else.
ALTER TABLE users ADD COLUMN skill_messages_test_name text;
SET LOCAL session_replication_role = replica;
UPDATE users SET skill_messages_test_name = 'ANN' WHERE tenant_id = 'acme' AND id = 'ann';
SET LOCAL session_replication_role = DEFAULT;

SELECT is(act('owner', '', '', statement), '0 rows', statement)
FROM (VALUES
    (1, 'CREATE OR REPLACE VIEW skill_messages_private.user_names WITH (security_invoker = true) '
        'AS SELECT tenant_id, id, skill_messages_test_name AS name FROM public.users'),
    (2, 'CREATE OR REPLACE VIEW skill_messages_private.skill_names WITH (security_invoker = true) '
        'AS SELECT tenant_id, id, NULL::text AS name FROM public.skills'),
    (3, 'CREATE OR REPLACE VIEW skill_messages_private.tenant_names WITH (security_invoker = true) '
        'AS SELECT id, ''Tenant '' || id AS name FROM public.tenants')
) AS replacements (number, statement)
ORDER BY number;
CALL grant_names();

SELECT is_unless(
    hides(actor),
    attempt(actor, 'acme', 'ann', 'SELECT tenant_name, from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(''shared'')'),
    'Tenant acme,ANN,null,null,null', actor || ', by the replaced views'
)
FROM (VALUES ('service'), ('app'), ('app login'), ('superuser')) AS actors (actor);

EXECUTE boxes('by the replaced views');

-- Where the host has not granted its tables, PostgreSQL says which, and the hint what to do.
REVOKE SELECT ON users FROM skill_messages_app;

SELECT is_unless(
    CASE WHEN has_any_column_privilege('skill_messages_app', 'users', 'SELECT')
        THEN 'the host has granted users to everybody' END,
    complaint(actor, 'acme', 'ann', 'SELECT id FROM ' || operation), expected,
    format('%s, when app may not read users: %s', actor, operation)
)
FROM (VALUES
    ('app', '42501 permission denied for table users'), ('service', 'no error: shared'),
    ('both', 'no error: shared')
) AS actors (actor, expected)
CROSS JOIN (VALUES
    ('get_skill_message(''shared'')'), ('get_named_messages_from_user(max_messages => 1)')
) AS operations (operation);

SELECT * FROM finish();
ROLLBACK;
