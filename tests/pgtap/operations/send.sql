-- Sending: what is stored; the caller's own id makes a retry safe, and never means two different
-- messages.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(75);

-- What is stored.
SELECT is(
    act('app', 'acme', 'ann', $$
        SELECT send_skill_message(
            from_user_id => 'ann', to_user_id => 'cid', subject_skill_id => 'knots',
            message => 'Please?', proposed_parent_skill_id => 'sails', id => 'mine')
    $$), 'mine', 'send_skill_message() returns the id it was given'
);

SELECT is(
    (SELECT to_jsonb(m) - '{created_at,answered_at}'::text[]
    FROM skill_messages AS m WHERE id = 'mine'),
    '{"id": "mine", "tenant_id": "acme", "from_user_id": "ann", "to_user_id": "cid",
    "subject_skill_id": "knots", "proposed_parent_skill_id": "sails", "message": "Please?",
    "status": "pending",
        "read_at": null}'::jsonb,
    'what is stored is what was said, pending and unread, in the tenant of the context'
);

SELECT is((SELECT created_at FROM skill_messages WHERE id = 'mine'), now(), 'it was sent now');

SELECT is(
    act('app', 'acme', 'ben',
        $$SELECT send_skill_message('ben', 'ann', 'ropes', 'Short', NULL, 'short')$$), 'short',
    'positional arguments: from, to, subject, message, parent, id'
);

SELECT is(
    (SELECT to_jsonb(m) - '{created_at,answered_at}'::text[]
    FROM skill_messages AS m WHERE id = 'short'),
    '{"id": "short", "tenant_id": "acme", "from_user_id": "ben", "to_user_id": "ann",
    "subject_skill_id": "ropes", "proposed_parent_skill_id": null, "message": "Short",
    "status": "pending",
        "read_at": null}'::jsonb,
    'the parent may be left out'
);

-- Without an id there is a fresh one each time, even for the same words.
SELECT matches(
    attempt('app', 'acme', 'ann',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Mine under yours?')$$),
    '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
        'the fresh id is a UUID of version 7'
);

SELECT is(
    attempt('service', 'acme', '', $$
        SELECT count(DISTINCT send_skill_message('ann', 'ben', 'knots',
            'Again')) FROM generate_series(1, 3)
    $$), '3', 'the same message without an id, three times, is three messages'
);

SELECT is(
    act('service', 'acme', '', $$
        INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('acme', 'ann', 'ben', 'ropes', 'Direct')
    $$), '1 rows', 'service inserts a message directly'
);

SELECT matches(
    (SELECT id FROM skill_messages WHERE message = 'Direct'),
    '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
        'whose id is a UUID of version 7 by default'
);

SELECT is(
    attempt('service', 'acme', '', $$
        INSERT INTO skill_messages
        VALUES ('orm', 'acme', 'ann', 'ben', 'knots', NULL, 'As an ORM does', 'pending',
            '2026-05-05', NULL)
        RETURNING id, extract(month FROM created_at)
    $$), 'orm,5', 'service inserts all ten columns'
);

-- A retry: the same id and content. It returns the id and stores nothing, whatever became of the
-- message.
CREATE TEMP TABLE before AS SELECT * FROM skill_messages;

SELECT is(act(actor, 'acme', sender, statement), id,
    format('%s as %s retries %s, which is %s', actor, sender, id, state))
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('a1', 'ann', 'pending',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Mine under yours?', 'ropes', 'a1')$$),
    ('a3', 'ben', 'without a parent',
        $$SELECT send_skill_message('ben', 'cid', 'sails', 'Shall we?', id => 'a3')$$),
    ('a4', 'ann', 'read and accepted',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Or so?', 'sails', 'a4')$$),
    ('a5', 'ben', 'read and declined',
        $$SELECT send_skill_message('ben', 'ann', 'sails', 'Or thus?', NULL, 'a5')$$)
) AS retries (id, sender, state, statement);

SELECT results_eq(
    'SELECT * FROM skill_messages ORDER BY id', 'SELECT * FROM before ORDER BY id',
    'twelve retries later every message is as it was, and there is no new one'
);

SELECT is(
    act('app', 'acme', 'ann', $$
        SELECT string_agg(send_skill_message('ann', 'ben', 'knots', 'Twice', id => 'twice'), ' ')
        FROM generate_series(1, 2)
    $$), 'twice twice', 'a message can be sent and retried in one transaction'
);

SELECT is((SELECT count(*) FROM skill_messages WHERE message = 'Twice'), 1::bigint,
    'and is there once');

-- The same id and other content is an error, whatever differs. The message that has the id stays as
-- it is.
SELECT is(
    complaint(actor, tenant, me, format('SELECT send_skill_message(%L, %L, %L, %L, %L, %L)',
        sender, recipient, subject, message, parent, id)),
    format('SM004 id "%s" is taken by a different message', id),
    format('%s in %s: %s', actor, tenant, difference)
)
FROM (VALUES
    ('service', 'acme', '', 'a1', 'ben', 'ben', 'knots', 'Mine under yours?', 'ropes',
        'another sender'),
    ('service', 'acme', '', 'a1', 'ann', 'cid', 'knots', 'Mine under yours?', 'ropes',
        'another recipient'),
    ('service', 'acme', '', 'a1', 'ann', 'ben', 'sails', 'Mine under yours?', 'ropes',
        'another subject'),
    ('service', 'acme', '', 'a1', 'ann', 'ben', 'knots', 'Mine under yours', 'ropes',
        'a shorter text'),
    ('service', 'acme', '', 'a1', 'ann', 'ben', 'knots', 'mine under yours?', 'ropes',
        'other letters'),
    ('service', 'acme', '', 'a1', 'ann', 'ben', 'knots', 'Mine under yours? ', 'ropes',
        'one more space'),
    ('service', 'acme', '', 'a1', 'ann', 'ben', 'knots', 'Mine under yours?', 'sails',
        'another parent'),
    ('service', 'acme', '', 'a1', 'ann', 'ben', 'knots', 'Mine under yours?', NULL,
        'no parent any more'),
    ('service', 'acme', '', 'a3', 'ben', 'cid', 'sails', 'Shall we?', 'ropes', 'a parent now'),
    ('app', 'acme', 'ann', 'a1', 'ann', 'ben', 'knots', 'Something else', 'ropes', 'another text'),
    ('both', 'acme', 'ann', 'a1', 'ann', 'ben', 'knots', 'Something else', 'ropes', 'another text'),

    -- Ids are unique over all tenants and users. Who may not see the message learns nothing of it.
    ('app', 'acme', 'ann', 'a3', 'ann', 'cid', 'sails', 'Shall we?', NULL,
        'the id of a message between others'),
    ('app', 'acme', 'ann', 'a2', 'ann', 'ben', 'ropes', 'Yours under mine?', 'knots',
        'the id of a message received'),
    ('service', 'acme', '', 'g1', 'ann', 'ben', 'knots', 'Mine under yours?', 'ropes',
        'an id of another tenant'),
    ('app', 'acme', 'ann', 'g1', 'ann', 'ben', 'knots', 'Mine under yours?', 'ropes',
        'an id of another tenant'),
    ('service', 'Acme', '', 'a1', 'Ann', 'gus', 'Knots', 'Mine under yours?', 'winds',
        'an id of another tenant')
) AS taken (actor, tenant, me, id, sender, recipient, subject, message, parent, difference);

-- An id is what it is: no letter or space of it is overlooked.
SELECT is(
    attempt('service', 'acme', '', format(
        'SELECT send_skill_message(''ann'', ''ben'', ''knots'', ''New'', id => %L)', id)),
    id, format('%L is another id than a1', id)
)
FROM (VALUES ('A1'), ('a1 '), (' a1'), ('a01'), ('日本'),
    ('00000000-0000-0000-0000-000000000000')) AS ids (id);

-- An index takes what fits a third of a page, compressed.
SELECT is(
    attempt('service', 'acme', '', format(
        'SELECT length(send_skill_message(''ann'', ''ben'', ''knots'', ''New'', id => %L))', id)),
    length(id)::text, format('an id of %s characters is sent', length(id))
)
FROM (VALUES (repeat('é', 255)), (repeat('x', 20000))) AS ids (id);

-- Whatever collation the caller brings along, an id is compared by its bytes.
SELECT is(attempt('app', 'acme', 'ann', statement), expected, statement)
FROM (VALUES
    ('SELECT send_skill_message(''ann'', ''ben'', ''knots'', ''Mine under yours?'', ''ropes'', '
        '''a1'' COLLATE "POSIX")', 'a1'),
    ('SELECT send_skill_message(''ann'', ''ben'', ''knots'', ''Mine under yours?'', ''ropes'', '
        '''a4'' COLLATE "POSIX")', 'SM004'),
    ('SELECT send_skill_message(''ann'' COLLATE "POSIX", ''ben'', ''knots'', ''New'', '
        'id => ''new'')', 'new'),
    ('SELECT id FROM get_skill_message(''a1'' COLLATE "POSIX")', 'a1'),
    ('SELECT mark_message_read(''a2'' COLLATE "POSIX") = now()', 'true'),
    ('SELECT mark_message_read(''A2'' COLLATE "POSIX")', 'SM002'),
    ('SELECT id FROM update_message_status(''a2'' COLLATE "POSIX", ''accepted'')', 'a2'),
    ('SELECT id FROM update_message_status(''a5'' COLLATE "POSIX", ''accepted'')', 'SM003')
) AS calls (statement, expected);

-- The text: 1 to 10,000 characters, whatever their bytes, kept to the letter.
SELECT is(
    attempt(actor, 'acme', 'ann', format(
        'SELECT send_skill_message(''ann'', ''ben'', ''knots'', %L, id => ''new'')', message)),
    'new', format('%s sends %s', actor, what)
)
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ('x', 'one character'),
    (repeat('x', 10000), '10,000 characters'),
    (repeat('é', 10000), '10,000 characters of two bytes'),
    (repeat('🧶', 10000), '10,000 characters of four bytes'),
    (repeat(' ', 9999) || '.', '9,999 spaces and a full stop'),
    (E'\n\tx\r\n', 'a letter amid white space'),
    ('''; DROP TABLE skill_messages; --', 'a quote'),
    (E'back\\slash %s $1 {} "', 'special characters')
) AS texts (message, what);

SELECT is(
    act('app', 'acme', 'ann', format(
        'SELECT send_skill_message(''ann'', ''ben'', ''knots'', %L, id => ''verbatim'')', message)),
    'verbatim', 'a message with a bit of everything is sent'
)
FROM (VALUES (E' ''"\\ %s $1 {} \n\t é 🧶 ')) AS texts (message);

SELECT is(
    (SELECT message FROM skill_messages WHERE id = 'verbatim'), E' ''"\\ %s $1 {} \n\t é 🧶 ',
    'and kept to the letter'
);

SELECT * FROM finish();
ROLLBACK;
