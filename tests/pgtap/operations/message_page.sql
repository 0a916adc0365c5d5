-- One message with all its names, for whoever may see it.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(72);

-- Whole, and by name. All columns come as they are stored.
SELECT is(
    attempt(actor, 'acme', me, format('SELECT to_jsonb(m) FROM get_skill_message(%L) AS m', id)),
    ((SELECT to_jsonb(m) FROM skill_messages AS m WHERE m.id = page.id) || names::jsonb)::text,
    format('%s as %L sees %s', actor, me, id)
)
FROM (VALUES
    ('a4', '{"tenant_name": "Acme", "from_user_name": "Ann", "to_user_name": "Ben",
        "subject_skill_name": "Knots", "proposed_parent_skill_name": "Sails"}'),
    ('a2', '{"tenant_name": "Acme", "from_user_name": "Ben", "to_user_name": "Ann",
        "subject_skill_name": "Ropes", "proposed_parent_skill_name": "Knots"}'),
    ('a5', '{"tenant_name": "Acme", "from_user_name": "Ben", "to_user_name": "Ann",
        "subject_skill_name": "Sails", "proposed_parent_skill_name": null}')
) AS page (id, names)
CROSS JOIN (VALUES
    ('service', ''), ('superuser', ''), ('app', 'ann'), ('app', 'ben'), ('app login', 'ben'),
    ('both', 'ann')
) AS actors (actor, me);

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

SELECT is(
    attempt('app', 'acme', 'ben', 'SELECT * FROM get_skill_message(''a4'')'),
    (SELECT string_agg(coalesce(value, 'null'), ',' ORDER BY number)
    FROM skill_messages AS m
    CROSS JOIN json_each_text(to_json(m)) WITH ORDINALITY AS c (key, value, number)
    WHERE m.id = 'a4') || ',Acme,Ann,Ben,Knots,Sails',
    'and each has what it says'
);

SELECT is(
    attempt(actor, 'Acme', me, 'SELECT tenant_name, from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(message_id => '
        '''g1'')'),
    'Another Acme,Another Ann,Gus,Other knots,Winds', format('%s as %L in Acme', actor, me)
)
FROM (VALUES ('service', ''), ('app', 'Ann'), ('app', 'gus')) AS actors (actor, me);

-- Two of one name, and a message to oneself.
UPDATE users SET name = 'Ann' WHERE id = 'ben';
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,
    proposed_parent_skill_id, message)
VALUES ('self', 'acme', 'ann', 'ann', 'knots', 'knots', 'To myself');

SELECT is(
    attempt('app', 'acme', 'ann', format('SELECT from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(%L)', id)),
    expected, 'the names of ' || id
)
FROM (VALUES ('a1', 'Ann,Ann,Knots,Ropes'), ('self', 'Ann,Ann,Knots,Knots')
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
SELECT is(
    concat_ws(' ', t.code, t.message, t.hint),
    format('42501 %s does not have the rights of skill_messages_service or skill_messages_app '
        'GRANT skill_messages_service TO %1$I%s', a.role,
        CASE WHEN current_setting('server_version_num')::integer >= 160000
            THEN ' WITH INHERIT TRUE' ELSE '' END),
    'the owner looks for ' || id
)
FROM (VALUES ('a1'), ('absent')) AS ids (id)
CROSS JOIN tap.actor AS a
CROSS JOIN tap.trial('owner', 'acme', 'ben', format('SELECT id FROM get_skill_message(%L)', id),
    false) AS t
WHERE a.name = 'owner';

-- Looking is not reading.
SELECT is(
    act('app', 'acme', 'ann', 'SELECT read_at FROM get_skill_message(''a2'')'), 'null',
    'ann looks at a2'
);

SELECT is((SELECT read_at FROM skill_messages WHERE id = 'a2'), NULL, 'and has not read it');

-- A parent that is deleted is null, id and name; then an answer, a reading and an erasure.
SELECT is(
    act(actor, 'acme', 'ben', statement), expected, format('%s: %s', actor, statement)
)
FROM (VALUES
    ('service', 'DELETE FROM skills WHERE id = ''ropes''', '1 rows'),
    ('app', 'SELECT proposed_parent_skill_id, proposed_parent_skill_name, subject_skill_name '
        'FROM get_skill_message(''a1'')', 'null,null,Knots'),
    ('app', 'SELECT id FROM get_skill_message(''a2'')', 'SM002'),
    ('app', 'SELECT id FROM update_message_status(''a1'', ''declined'')', 'a1'),
    ('app', 'SELECT mark_message_read(''a1'') = date_trunc(''milliseconds'', now())', 'true'),
    ('app', 'SELECT status, read_at = date_trunc(''milliseconds'', now()), answered_at = read_at '
        'FROM get_skill_message(''a1'')', 'declined,true,true'),
    ('retention', 'SELECT * FROM erase_user_messages(''ben'')', '1,3'),
    ('app', 'SELECT message, from_user_name, to_user_name FROM get_skill_message(''a1'')',
        '[erased],Ann,Ann')
) AS story (actor, statement, expected);

-- Ids that both tenants have: every name is that of the message's own tenant.
INSERT INTO users (tenant_id, id, name) VALUES ('Acme', 'ann', 'A third Ann');
INSERT INTO skills (tenant_id, id, name) VALUES ('Acme', 'knots', 'Third knots');
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,
    proposed_parent_skill_id, message)
VALUES
    ('shared', 'acme', 'ann', 'cid', 'knots', 'sails', 'Hello'),
    ('shared', 'Acme', 'ann', 'ann', 'knots', 'knots', 'Hello');

SELECT is(
    attempt(actor, tenant, 'ann', 'SELECT tenant_name, from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(''shared'')'),
    expected, format('%s in %s', actor, tenant)
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('acme', 'Acme,Ann,Cid,Knots,Sails'),
    ('Acme', 'Another Acme,A third Ann,A third Ann,Third knots,Third knots')
) AS tenants (tenant, expected);

-- What the host's own policies hide has no name; the message is there all the same.
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

DROP POLICY shy ON users;
DROP POLICY shy ON skills;
DROP POLICY shy ON tenants;

-- A host that calls a name otherwise, or has none, replaces the view, and nothing else.
ALTER TABLE users ADD COLUMN display_name text;
UPDATE users SET display_name = upper(name) WHERE id <> 'cid';

SELECT is(act('owner', '', '', statement), '0 rows', statement)
FROM (VALUES
    (1, 'CREATE OR REPLACE VIEW skill_messages_private.user_names WITH (security_invoker = true) '
        'AS SELECT tenant_id, id, display_name AS name FROM public.users'),
    (2, 'CREATE OR REPLACE VIEW skill_messages_private.skill_names WITH (security_invoker = true) '
        'AS SELECT tenant_id, id, NULL::text AS name FROM public.skills'),
    (3, 'CREATE OR REPLACE VIEW skill_messages_private.tenant_names WITH (security_invoker = true) '
        'AS SELECT id, ''Tenant '' || id AS name FROM public.tenants')
) AS replacements (number, statement)
ORDER BY number;

SELECT is(
    attempt(actor, 'acme', 'ann', 'SELECT tenant_name, from_user_name, to_user_name, '
        'subject_skill_name, proposed_parent_skill_name FROM get_skill_message(''shared'')'),
    'Tenant acme,ANN,null,null,null', actor || ', by the replaced views'
)
FROM (VALUES ('service'), ('app'), ('app login'), ('superuser')) AS actors (actor);

-- Where the host has not granted its tables, PostgreSQL says which, and the hint what to do.
REVOKE SELECT ON users FROM skill_messages_app;

SELECT is(
    complaint(actor, 'acme', 'ann', 'SELECT id FROM get_skill_message(''shared'')'), expected,
    actor || ', when app may not read users'
)
FROM (VALUES
    ('app', '42501 permission denied for table users'), ('service', 'no error: shared'),
    ('both', 'no error: shared')
) AS actors (actor, expected);

SELECT * FROM finish();
ROLLBACK;
