-- Reading all at once: everything that a user received up to a moment, and nothing else.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(52);

-- Cid receives more: around noon, decided but unread, and one that is dated ahead.
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
    created_at)
VALUES
    ('before noon', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 11:59:59.999999'),
    ('noon', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('noon too', 'acme', 'ben', 'cid', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('after noon', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 12:00:00.000001'),
    ('to himself', 'acme', 'cid', 'cid', 'knots', 'Hello', '2026-06-01 13:00:00'),
    ('decided', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 14:00:00'),
    ('now', 'acme', 'ann', 'cid', 'knots', 'Hello', now()),
    ('ahead', 'acme', 'ann', 'cid', 'knots', 'Hello', now() + interval '1 microsecond'),
    ('sent', 'acme', 'cid', 'ann', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('read', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 12:00:00');

UPDATE skill_messages SET status = 'accepted' WHERE id = 'decided';
UPDATE skill_messages SET read_at = '2026-06-02' WHERE id = 'read';

-- How many, and which: those that are read now, whoever looks.
CREATE FUNCTION tap.read_now() RETURNS text
LANGUAGE sql SECURITY DEFINER
SET search_path = public
AS $$
    SELECT coalesce(string_agg(id, ' ' ORDER BY id), '') FROM skill_messages WHERE read_at = now()
$$;

SELECT is(
    attempt(actor, 'acme', 'cid', format(
        'SELECT mark_messages_read(%s), tap.read_now()', arguments)),
    expected, format('%s: mark_messages_read(%s)', actor, arguments)
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('''cid'', ''2026-01-02''', '0,'),
    ('''cid'', ''2026-01-03''', '1,a3'),
    ('''cid'', ''2026-06-01 11:59:59.999999''', '2,a3 before noon'),
    ('''cid'', ''2026-06-01 12:00''', '4,a3 before noon noon noon too'),
    ('''cid'', ''2026-06-01 14:00+02''', '4,a3 before noon noon noon too'),
    ('''cid'', up_to_created_at => ''2026-06-01 12:00:00.000001''',
        '5,a3 after noon before noon noon noon too'),
    ('''cid'', ''2026-06-01 14:00''',
        '7,a3 after noon before noon decided noon noon too to himself'),
    ('''cid''', '8,a3 after noon before noon decided noon noon too now to himself'),
    ('user_id => ''cid''', '8,a3 after noon before noon decided noon noon too now to himself'),
    ('''cid'', ''infinity''',
        '9,a3 after noon ahead before noon decided noon noon too now to himself'),
    ('''cid'', ''-infinity''', '0,'),
    ('''cid'' COLLATE "POSIX", ''2026-01-03''', '1,a3')
) AS calls (arguments, expected);

-- Service, for anybody in the tenant; nobody's messages are none.
SELECT is(
    attempt('service', 'acme', '', format('SELECT mark_messages_read(%L), tap.read_now()', id)),
    expected, format('service: all of %L', id)
)
FROM (VALUES
    ('ann', '2,a2 sent'), ('ben', '1,a1'), ('gus', '0,'), ('absent', '0,'), ('', '0,'), ('%', '0,')
) AS users (id, expected);

-- Once and for good: read_at is now, the first reading stands, and nothing else changes.
CREATE TEMP TABLE before AS SELECT * FROM skill_messages;

SELECT is(act('app', 'acme', 'cid', $$SELECT mark_messages_read('cid', '2026-06-01 14:00')$$), '7',
    'cid has read seven');

SELECT bag_eq(
    'SELECT to_jsonb(m) FROM skill_messages AS m',
    $$
        SELECT to_jsonb(b) || CASE
            WHEN to_user_id = 'cid' AND read_at IS NULL AND created_at <= '2026-06-01 14:00'
                THEN jsonb_build_object('read_at', now())
            ELSE '{}'
        END
        FROM before AS b
    $$,
    'they were read now; all else, of them and of all other messages, is as before'
);

SELECT is(act('app', 'acme', 'cid', statement), expected, statement)
FROM (VALUES
    ($$SELECT mark_messages_read('cid', '2026-06-01 14:00')$$, '0'),
    ($$SELECT get_unread_count_for_user('cid')$$, '2'),
    ($$SELECT mark_messages_read('cid')$$, '1'),
    ($$SELECT get_unread_count_for_user('cid')$$, '1'),
    ($$SELECT mark_message_read('ahead') = now()$$, 'true'),
    ($$SELECT get_unread_count_for_user('cid')$$, '0'),
    ($$SELECT mark_messages_read('cid', 'infinity')$$, '0')
) AS story (statement, expected);

-- More than a page.
INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT 'acme', 'ann', 'cid', 'knots', 'Many' FROM generate_series(1, 1001);

SELECT is(attempt('app', 'acme', 'cid', $$SELECT mark_messages_read('cid')$$), '1001',
    '1001 at once');

SELECT * FROM finish();
ROLLBACK;
