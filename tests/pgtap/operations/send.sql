-- Sending: what is stored; the caller's own id makes a retry safe, and never means two different
-- messages.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(230);

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
    FROM fixture_messages AS m WHERE id = 'mine'),
    '{"id": "mine", "tenant_id": "acme", "from_user_id": "ann", "to_user_id": "cid",
    "subject_skill_id": "knots", "proposed_parent_skill_id": "sails", "message": "Please?",
    "status": "pending",
        "read_at": null}'::jsonb,
    'what is stored is what was said, pending and unread, in the tenant of the context'
);

SELECT is(
    (SELECT created_at FROM fixture_messages WHERE id = 'mine'), date_trunc('milliseconds', now()),
    'it was sent now'
);

SELECT is(
    act('app', 'acme', 'ben',
        $$SELECT send_skill_message('ben', 'ann', 'ropes', 'Short', NULL, 'short')$$), 'short',
    'positional arguments: from, to, subject, message, parent, id'
);

SELECT is(
    (SELECT to_jsonb(m) - '{created_at,answered_at}'::text[]
    FROM fixture_messages AS m WHERE id = 'short'),
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
    (SELECT id FROM fixture_messages WHERE message = 'Direct'),
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
CREATE TEMP TABLE before AS SELECT * FROM fixture_messages;

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
    'SELECT * FROM fixture_messages ORDER BY id', 'SELECT * FROM before ORDER BY id',
    'twelve retries later every message is as it was, and there is no new one'
);

SELECT is(
    act('app', 'acme', 'ann', $$
        SELECT string_agg(send_skill_message('ann', 'ben', 'knots', 'Twice', id => 'twice'), ' ')
        FROM generate_series(1, 2)
    $$), 'twice twice', 'a message can be sent and retried in one transaction'
);

SELECT is((SELECT count(*) FROM fixture_messages WHERE message = 'Twice'), 1::bigint,
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

    -- Ids are unique over all users of a tenant. Who may not see the message learns nothing of it.
    ('app', 'acme', 'ann', 'a3', 'ann', 'cid', 'sails', 'Shall we?', NULL,
        'the id of a message between others'),
    ('app', 'acme', 'ann', 'a2', 'ann', 'ben', 'ropes', 'Yours under mine?', 'knots',
        'the id of a message received'),
    ('both', 'acme', 'ann', 'a3', 'ann', 'cid', 'sails', 'Shall we?', NULL,
        'the id of a message between others')
) AS taken (actor, tenant, me, id, sender, recipient, subject, message, parent, difference);

-- The id of another tenant's message is free: nothing tells that it is there, and the two messages
-- live side by side.
SELECT is(
    act(actor, tenant, sender, format('SELECT send_skill_message(%L, %L, %L, %L, id => %L)',
        sender, recipient, skill, message, id)),
    id, format('%s in %s as %s sends %s, an id of the other tenant', actor, tenant, sender, id)
)
FROM (VALUES
    (1, 'service', 'acme', 'ann', 'ben', 'knots', 'Another g1', 'g1'),
    (2, 'app', 'acme', 'ann', 'ben', 'knots', 'Another g2', 'g2'),
    (3, 'app', 'Acme', 'gus', 'Ann', 'winds', 'Another a1', 'a1'),
    (4, 'both', 'Acme', 'gus', 'Ann', 'winds', 'Another a4', 'a4'),

    -- Once it is there, a retry is a retry.
    (5, 'app', 'acme', 'ann', 'ben', 'knots', 'Another g1', 'g1'),
    (6, 'service', 'Acme', 'gus', 'Ann', 'winds', 'Another a1', 'a1')
) AS sends (number, actor, tenant, sender, recipient, skill, message, id)
ORDER BY number;

SELECT is(
    (SELECT string_agg(concat_ws(' ', tenant_id, id, message, status), ', '
        ORDER BY id COLLATE "C", tenant_id COLLATE "C")
    FROM fixture_messages WHERE id IN ('a1', 'a4', 'g1', 'g2')),
    'Acme a1 Another a1 pending, acme a1 Mine under yours? pending, '
    'Acme a4 Another a4 pending, acme a4 Or so? accepted, '
    'Acme g1 Mine under yours? pending, acme g1 Another g1 pending, '
    'Acme g2 Yours under mine? pending, acme g2 Another g2 pending',
    'each tenant has its own message of that id'
);

SELECT is(attempt(actor, tenant, me, statement), expected,
    format('%s as %L in %s: %s', actor, me, tenant, one_line(statement)))
FROM (VALUES
    ('app', 'acme', 'ben', $$SELECT status FROM get_skill_message('a4')$$, 'accepted'),
    ('app', 'Acme', 'Ann', $$SELECT status FROM get_skill_message('a4')$$, 'pending'),
    ('service', 'Acme', '', $$SELECT message FROM get_skill_message('a4')$$, 'Another a4'),
    ('app', 'Acme', 'Ann', $$SELECT message FROM update_message_status('a4', 'declined')$$,
        'Another a4'),
    ('service', 'acme', '', $$SELECT id FROM update_message_status('a4', 'declined')$$, 'SM003'),
    ('service', 'Acme', '',
        $$SELECT send_skill_message('gus', 'Ann', 'winds', 'Something else', id => 'a1')$$,
        'SM004'),

    -- Whom no policy binds, too.
    ('superuser', 'Acme', '', $$
        SELECT send_skill_message('ann', 'ben', 'knots', 'Mine under yours?', 'ropes', 'a1')
    $$, 'SM004'),
    ('superuser', 'Acme', '', $$SELECT tenant_id FROM update_message_status('a1', 'declined')$$,
        'Acme'),
    ('superuser', 'Acme', '', $$SELECT tenant_id FROM get_skill_message('a1')$$, 'Acme'),
    ('superuser', 'Acme', '', $$SELECT id FROM update_message_status('a2', 'declined')$$, 'SM002'),
    ('superuser', 'Acme', '', $$SELECT mark_message_read('a2')$$, 'SM002')
) AS calls (actor, tenant, me, statement, expected);

SELECT is(act(actor, tenant, '', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES
    ('service', 'acme', $$SELECT mark_message_read('g2') IS NOT NULL$$, 'true'),
    ('service', 'Acme', $$SELECT id FROM update_message_status('a4', 'declined')$$, 'a4')
) AS calls (actor, tenant, statement, expected);

SELECT is(
    (SELECT string_agg(concat_ws(' ', id, tenant_id, status,
            CASE WHEN read_at IS NULL THEN 'unread' ELSE 'read' END), ', '
        ORDER BY id COLLATE "C", tenant_id COLLATE "C")
    FROM fixture_messages WHERE id IN ('g2', 'a4')),
    'a4 Acme declined unread, a4 acme accepted read, g2 Acme pending unread, g2 acme pending read',
    'and what is written meets the message of that tenant alone'
);

-- An id is what it is: no letter or space of it is overlooked.
SELECT is(
    attempt('service', 'acme', '', format(
        'SELECT send_skill_message(''ann'', ''ben'', ''knots'', ''New'', id => %L)', id)),
    id, format('%L is another id than a1', id)
)
FROM (VALUES ('A1'), ('a1 '), (' a1'), ('a01'), ('日本'),
    ('00000000-0000-0000-0000-000000000000')) AS ids (id);

-- At most 255 bytes, of whichever characters.
SELECT is(
    complaint(actor, 'acme', 'ann', format(
        'SELECT octet_length(send_skill_message(''ann'', ''ben'', ''knots'', ''New'', id => %L))',
        id)),
    CASE WHEN octet_length(id) <= 255 THEN 'no error: ' || octet_length(id)
        ELSE '23514 invalid id' END,
    format('%s: an id of %s characters, %s bytes', actor, length(id), octet_length(id))
)
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    (repeat('x', 255)), (repeat('x', 256)), (repeat('é', 127) || 'x'), (repeat('é', 128)),
    (repeat('日', 85)), (repeat('🧶', 64)), (repeat('x', 20000))
) AS ids (id);

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
    ('SELECT mark_message_read(''a2'' COLLATE "POSIX") <= now()', 'true'),
    ('SELECT mark_message_read(''A2'' COLLATE "POSIX")', 'SM002'),
    ('SELECT id FROM update_message_status(''a2'' COLLATE "POSIX", ''accepted'')', 'a2'),
    ('SELECT id FROM update_message_status(''a5'' COLLATE "POSIX", ''accepted'')', 'SM003')
) AS calls (statement, expected);

-- The text: 1 to 10,000 characters, one of them visible, whatever their bytes, kept to the letter.
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
    (E'back\\slash %s $1 {} "', 'special characters'),
    ('[erased] ', 'the word for what was erased, and a space'),
    ('[Erased]', 'the word for what was erased, in other letters'),
    (U&'\00A0\200B\FEFF.\2800', 'a full stop amid what is not to be seen'),
    (U&'\202E\0627\202C', 'a letter amid marks of its direction'),
    (U&'\0301', 'a combining mark alone, which is to be seen'),
    (U&' \0301', 'a combining mark on a space'),
    (U&'\+01F9F6\FE0F', 'an emoji with a variation selector'),
    (U&'\+01F3F4\+0E0067\+0E0062\+0E007F', 'a flag spelled out in tags')
) AS texts (message, what);

-- "[erased]" stands for a text that was there once: no sender writes it.
SELECT is(
    complaint(actor, 'acme', 'ann', format(
        'SELECT send_skill_message(''ann'', ''ben'', ''knots'', ''[erased]'', id => %L)', id)),
    '23514 invalid message',
    format('%s sends "[erased]", id %L', actor, id)
)
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES (NULL), ('new'), ('a1')) AS ids (id);

-- What is not to be seen: the classes White_Space, Cc, Cf and Default_Ignorable_Code_Point of
-- Unicode, and the blank of Braille, as ranges of numbers.
CREATE TABLE invisible (first integer, last integer, what text);

INSERT INTO invisible
VALUES
    (1, 32, 'control characters, tabulator, line ends, space'),
    (127, 160, 'control characters, no-break space'), (173, 173, 'soft hyphen'),
    (847, 847, 'combining grapheme joiner'), (1536, 1541, 'Arabic number signs'),
    (1564, 1564, 'Arabic letter mark'), (1757, 1757, 'Arabic end of ayah'),
    (1807, 1807, 'Syriac abbreviation mark'), (2192, 2193, 'Arabic pound and piastre marks above'),
    (2274, 2274, 'Arabic disputed end of ayah'), (4447, 4448, 'Hangul fillers'),
    (5760, 5760, 'Ogham space'), (6068, 6069, 'Khmer inherent vowels'),
    (6155, 6159, 'Mongolian variation selectors and vowel separator'),
    (8192, 8207, 'spaces, zero-width space and joiners, marks of direction'),
    (8232, 8239, 'separators, embeddings and overrides of direction, narrow space'),
    (8287, 8303, 'mathematical space, word joiner, isolates of direction'),
    (10240, 10240, 'blank of Braille'), (12288, 12288, 'ideographic space'),
    (12644, 12644, 'Hangul filler'), (65024, 65039, 'variation selectors'),
    (65279, 65279, 'byte order mark'), (65440, 65440, 'halfwidth Hangul filler'),
    (65520, 65531, 'interlinear annotation'), (69821, 69821, 'Kaithi number sign'),
    (69837, 69837, 'Kaithi number sign above'), (78896, 78911, 'Egyptian joiners'),
    (113824, 113827, 'shorthand format controls'), (119155, 119162, 'musical beams'),
    (917504, 921599, 'tags, variation selectors');

-- What becomes of sending this: the SQLSTATE, or that it was sent.
CREATE FUNCTION sending(message text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM send_skill_message('ann', 'ben', 'knots', message);
    RETURN 'sent';
EXCEPTION
    WHEN OTHERS THEN
        RETURN sqlstate;
END;
$$;

SELECT is(
    attempt('app', 'acme', 'ann', format($$
        SELECT count(*), string_agg(DISTINCT sending(chr(n)), ' ')
        FROM generate_series(%s, %s) AS n
    $$, first, last)),
    format('%s,23514', last - first + 1),
    format('U+%s to U+%s, each alone: %s', upper(to_hex(first)), upper(to_hex(last)), what)
)
FROM invisible;

SELECT is(
    complaint('service', 'acme', 'ann', format(
        'SELECT send_skill_message(''ann'', ''ben'', ''knots'', %L)', message)),
    '23514 invalid message', what
)
FROM (
    SELECT string_agg(chr(n), '' ORDER BY n), 'all of them together'
    FROM invisible
    CROSS JOIN generate_series(first, last) AS n
    UNION ALL
    SELECT repeat(string_agg(chr(first), '' ORDER BY last DESC), 300), '9,000 of them, mixed'
    FROM invisible
    UNION ALL
    VALUES
        (U&'\00A0\200B\FEFF', 'no-break space, zero-width space, byte order mark'),
        (U&'\202E\202D\202C\2066\2069', 'nothing but directions'),
        (U&'\2800 \2800', 'blanks of Braille and a space'),
        (U&'\200B\000A\200B', 'zero-width spaces and a line end'),
        (U&'\00AD\FE0F\+0E0067', 'soft hyphen, variation selector, tag')
) AS mixtures (message, what);

-- What stands beside them in Unicode, at either end of each range, is to be seen.
SELECT is(
    attempt('app', 'acme', 'ann', format('SELECT sending(chr(%s))', n)), 'sent',
    format('U+%s is to be seen', upper(to_hex(n)))
)
FROM (
    SELECT first - 1 FROM invisible WHERE first > 1
    UNION
    SELECT last + 1 FROM invisible
) AS neighbours (n);

SELECT is(
    act('app', 'acme', 'ann', format(
        'SELECT send_skill_message(''ann'', ''ben'', ''knots'', %L, id => ''verbatim'')', message)),
    'verbatim', 'a message with a bit of everything is sent'
)
FROM (VALUES (E' ''"\\ %s $1 {} \n\t é 🧶 ')) AS texts (message);

SELECT is(
    (SELECT message FROM fixture_messages WHERE id = 'verbatim'), E' ''"\\ %s $1 {} \n\t é 🧶 ',
    'and kept to the letter'
);

SELECT * FROM finish();
ROLLBACK;
