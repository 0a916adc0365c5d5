-- One message with all its names, for whoever may see it.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(50);

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
    ('service', 'nowhere', '', 'a1'), ('superuser', 'Acme', '', 'a1'), ('owner', 'acme', '', 'a1'),
    ('app', 'acme', 'cid', 'a1'), ('app', 'acme', 'cid', 'a9'), ('app', 'acme', 'cid', 'g1'),
    ('app', 'acme', 'ann', 'a3'), ('both', 'acme', 'ann', 'a3'), ('app', 'Acme', 'ann', 'a1'),
    ('app', 'acme', 'Ann', 'g1'), ('app', 'acme', 'ANN', 'a1')
) AS calls (actor, tenant, me, id);

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
    ('app', 'SELECT mark_message_read(''a1'') = now()', 'true'),
    ('app', 'SELECT status, read_at = now() FROM get_skill_message(''a1'')', 'declined,true'),
    ('retention', 'SELECT * FROM erase_user_messages(''ben'')', '1,3'),
    ('app', 'SELECT message, from_user_name, to_user_name FROM get_skill_message(''a1'')',
        '[erased],Ann,Ann')
) AS story (actor, statement, expected);

SELECT * FROM finish();
ROLLBACK;
