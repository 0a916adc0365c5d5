-- Reading several at once: everything that a user received up to a moment, or exactly the messages
-- that were on the screen, and nothing else.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(164);

-- Cid receives more: around noon, decided but unread, and one sent after this transaction began.
-- Finer than a millisecond is no time.
DO $$ BEGIN PERFORM pg_sleep(0.01); END $$;

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
    created_at)
VALUES
    ('before noon', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 11:59:59.999999'),
    ('noon', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('noon too', 'acme', 'ben', 'cid', 'knots', 'Hello', '2026-06-01 12:00:00.000999'),
    ('after noon', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 12:00:00.001'),
    ('to himself', 'acme', 'cid', 'cid', 'knots', 'Hello', '2026-06-01 13:00:00'),
    ('decided', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 14:00:00'),
    ('now', 'acme', 'ann', 'cid', 'knots', 'Hello', now()),
    ('ahead', 'acme', 'ann', 'cid', 'knots', 'Hello', now() + interval '1 millisecond'),
    ('sent', 'acme', 'cid', 'ann', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('read', 'acme', 'ann', 'cid', 'knots', 'Hello', '2026-06-01 12:00:00');

UPDATE fixture_messages SET status = 'accepted' WHERE id = 'decided';
UPDATE fixture_messages SET read_at = '2026-06-02' WHERE id = 'read';

-- The other tenant has messages of the same ids, and a cid of its own who received them. Where ids
-- are unique across tenants, it is Ann.
\set other_cid Ann
\if :ids_are_shared
\set other_cid cid
CALL add_user('Acme', 'cid', 'Another Cid');
\endif
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
    created_at)
SELECT id, 'Acme', 'gus', :'other_cid', 'winds', 'Hello', '2026-06-01 12:00:00'
FROM unnest('{a1,a3,noon,foreign}'::text[]) AS ids (id);

-- How many, and which: those that are read now, whoever looks. Acme's by their tenant.
CREATE FUNCTION read_now() RETURNS text
LANGUAGE sql SECURITY DEFINER
SET search_path = skill_messages_test
AS $$
    SELECT coalesce(string_agg(CASE tenant_id WHEN 'Acme' THEN 'Acme''s ' ELSE '' END || id, ' '
        ORDER BY tenant_id = 'Acme', id), '')
    FROM fixture_messages WHERE read_at >= date_trunc('milliseconds', now())
$$;

SELECT is(
    attempt(actor, 'acme', 'cid', format(
        'SELECT mark_messages_read(%s), read_now()', arguments)),
    expected, format('%s: mark_messages_read(%s)', actor, arguments)
)
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('''cid'', ''2026-01-02''', '0,'),
    ('''cid'', ''2026-01-03''', '1,a3'),
    ('''cid'', ''2026-06-01 11:59:59.999''', '2,a3 before noon'),
    ('''cid'', ''2026-06-01 12:00''', '4,a3 before noon noon noon too'),
    ('''cid'', ''2026-06-01 14:00+02''', '4,a3 before noon noon noon too'),
    ('''cid'', up_to_created_at => ''2026-06-01 12:00:00.001''',
        '5,a3 after noon before noon noon noon too'),
    ('''cid'', ''2026-06-01 14:00''',
        '7,a3 after noon before noon decided noon noon too to himself'),
    ('''cid''', '8,a3 after noon before noon decided noon noon too now to himself'),
    ('user_id => ''cid''', '8,a3 after noon before noon decided noon noon too now to himself'),
    ('''cid'', ''infinity''',
        '9,a3 after noon ahead before noon decided noon noon too now to himself'),
    ('''cid'', ''-infinity''', '0,'),
    ('''cid'' COLLATE "POSIX", ''2026-01-03''', '1,a3'),

    -- Left out, the user is the one in the context, and the time is now.
    ('', '8,a3 after noon before noon decided noon noon too now to himself'),
    ('NULL, NULL, NULL', '8,a3 after noon before noon decided noon noon too now to himself'),
    ('up_to_created_at => ''2026-01-03''', '1,a3'),
    ('message_ids => ''{noon}''', '1,noon'),

    -- By ids: exactly those, whenever they were sent.
    ('''cid'', message_ids => ARRAY[''noon too'', ''a3'', ''ahead'']', '3,a3 ahead noon too'),
    ('''cid'', NULL, ''{decided,to himself}''', '2,decided to himself'),
    ('''cid'', NULL, ARRAY[''noon'' COLLATE "POSIX"]', '1,noon'),
    ('''cid'', message_ids => ''{noon,noon,a3,noon}''', '2,a3 noon'),
    ('''cid'', message_ids => ''{{noon,a3},{now,now}}''', '3,a3 noon now'),
    ('''cid'', message_ids => ''{noon,read}''', '1,noon'),
    ('''cid'', message_ids => ''{a3,NULL}''', '1,a3'),

    -- Other people's, what he sent himself, the other tenant's, what is absent: none of them.
    ('''cid'', message_ids => ''{a1,noon,sent,a2,foreign,g1,absent,NOON,noon ,%,""}''', '1,noon'),
    ('''cid'', message_ids => ''{a1,sent,foreign,absent}''', '0,'),
    ('''cid'', message_ids => ''{NULL}''', '0,'),
    ('''cid'', message_ids => ''{}''', '0,'),
    ('''cid'', ''infinity'', ''{}''', '0,'),

    -- Both: those of them that are not later.
    ('''cid'', ''2026-06-01 12:00'', ''{noon,noon too,after noon,now,a3}''',
        '3,a3 noon noon too'),
    ('''cid'', now(), ''{ahead,now}''', '1,now'),
    ('''cid'', ''infinity'', ''{ahead,now}''', '2,ahead now'),
    ('''cid'', ''-infinity'', ''{ahead,now}''', '0,')
) AS calls (arguments, expected);

-- In the other tenant the same ids are other messages.
SELECT is(
    attempt(actor, 'Acme', :'other_cid',
        format('SELECT mark_messages_read(%L, message_ids => ''{a3,noon,now}''), read_now()',
            :'other_cid')),
    '2,Acme''s a3 Acme''s noon', actor || ': the ids of the other tenant'
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor);

-- A thousand ids at most, however many of them are anything.
SELECT is(
    complaint(actor, 'acme', 'cid', format(
        'SELECT mark_messages_read(message_ids => array_append(array_fill(text ''absent'', '
        'ARRAY[%s]), ''noon'')), read_now()', size)),
    expected, format('%s: %s ids and one', actor, size)
)
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    (999, 'no error: 1,noon'), (1000, '22023 message_ids has 1001 elements'),
    (100000, '22023 message_ids has 100001 elements')
) AS sizes (size, expected);

-- Service, for anybody in the tenant; nobody's messages are none.
SELECT is(
    attempt('service', 'acme', '', format('SELECT mark_messages_read(%L), read_now()', id)),
    expected, format('service: all of %L', id)
)
FROM (VALUES
    ('ann', '2,a2 sent'), ('ben', '1,a1'), ('gus', '0,'), ('absent', '0,'), ('', '0,'), ('%', '0,')
) AS users (id, expected);

SELECT is(
    complaint(actor, 'acme', context, 'SELECT mark_messages_read(), read_now()'), expected,
    format('%s with user %L in the context, none given', actor, context)
)
FROM (VALUES
    ('service', 'ann', 'no error: 2,a2 sent'), ('app', 'ben', 'no error: 1,a1'),
    ('service', 'absent', 'no error: 0,'),
    ('service', '', '22023 user_id is null'), ('service', NULL, '22023 user_id is null'),
    ('superuser', '', '22023 user_id is null'),
    ('app', '', 'SM001 app.current_user_id: no user in the context'),
    ('both', NULL, 'SM001 app.current_user_id: no user in the context')
) AS callers (actor, context, expected);

-- Once and for good: read_at is now, the first reading stands, and nothing else changes.
CREATE TEMP TABLE before AS SELECT * FROM fixture_messages;

SELECT is(act('app', 'acme', 'cid', $$SELECT mark_messages_read('cid', '2026-06-01 14:00')$$), '7',
    'cid has read seven');

SELECT bag_eq(
    'SELECT to_jsonb(m) FROM fixture_messages AS m',
    $$
        SELECT to_jsonb(b) || CASE
            WHEN tenant_id = 'acme' AND to_user_id = 'cid' AND read_at IS NULL
                AND created_at <= '2026-06-01 14:00'
                THEN jsonb_build_object('read_at', date_trunc('milliseconds', now()))
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
    ($$SELECT mark_messages_read(message_ids => '{now,noon,a3}')$$, '0'),
    ($$SELECT get_unread_count_for_user('cid')$$, '1'),
    ($$SELECT mark_message_read('ahead') > now()$$, 'true'),
    ($$SELECT get_unread_count_for_user('cid')$$, '0'),
    ($$SELECT mark_messages_read('cid', 'infinity')$$, '0')
) AS story (statement, expected);

SELECT is(
    (SELECT read_at FROM fixture_messages WHERE id = 'ahead'),
    (SELECT created_at FROM fixture_messages WHERE id = 'ahead'),
    'nothing was read before it was sent, however old the transaction that read it'
);

-- More than a page.
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT 'many ' || n, 'acme', 'ann', 'cid', 'knots', 'Many' FROM generate_series(1, 1001) AS n;

SELECT is(attempt('app', 'acme', 'cid', statement), expected, statement)
FROM (VALUES
    ('SELECT mark_messages_read(''cid'')', '1001'),
    ('SELECT mark_messages_read(message_ids => array_agg(''many '' || n)) '
        'FROM generate_series(1, 1000) AS n', '1000')
) AS calls (statement, expected);

SELECT * FROM finish();
ROLLBACK;
