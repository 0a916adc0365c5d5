-- The life of a message: born pending and unread; pending, then accepted or declined, once and for
-- good; unread, then read, once; otherwise unchangeable, but that its text may be erased. Whoever
-- writes, and whether by function or by UPDATE.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(496);

-- A pending, an accepted and a declined message from ann to ben, each once unread and once read.
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT status || ' ' || reading, 'acme', 'ann', 'ben', 'knots', 'Hello'
FROM (VALUES ('pending'), ('accepted'), ('declined')) AS s (status)
CROSS JOIN (VALUES ('unread'), ('read')) AS r (reading);

UPDATE skill_messages
SET status = split_part(id, ' ', 1),
    read_at = CASE split_part(id, ' ', 2) WHEN 'read' THEN timestamptz '2026-03-03 03:03' END
WHERE id LIKE '% %';

-- Answering.
SELECT is(
    attempt(actor, 'acme', 'ben', statement), expected,
    format('%s: %s', actor, statement)
)
FROM (VALUES
    -- from, to, by UPDATE, by function
    ('pending', 'accepted', '1 rows', 'accepted'),
    ('pending', 'declined', '1 rows', 'declined'),
    ('pending', 'pending', '1 rows', '23514'),
    ('pending', 'read', '23514', '23514'),
    ('pending', 'Accepted', '23514', '23514'),
    ('pending', '', '23514', '23514'),
    ('pending', NULL, '23502', '23514'),
    ('accepted', 'accepted', '1 rows', 'SM003'),
    ('accepted', 'declined', 'SM003', 'SM003'),
    ('accepted', 'pending', 'SM003', '23514'),
    ('accepted', 'read', 'SM003', '23514'),
    ('accepted', '', 'SM003', '23514'),
    ('accepted', NULL, 'SM003', '23514'),
    ('declined', 'accepted', 'SM003', 'SM003'),
    ('declined', 'declined', '1 rows', 'SM003'),
    ('declined', 'pending', 'SM003', '23514'),
    ('declined', 'read', 'SM003', '23514'),
    ('declined', '', 'SM003', '23514'),
    ('declined', NULL, 'SM003', '23514')
) AS transition (old_status, new_status, by_update, by_function)
CROSS JOIN (VALUES ('unread'), ('read')) AS r (reading)
CROSS JOIN (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN LATERAL (VALUES
    (format('UPDATE skill_messages SET status = %L WHERE id = %L', new_status,
        old_status || ' ' || reading),
        by_update),
    (format('SELECT new_status FROM update_message_status(%L, %L)', old_status || ' ' || reading,
        new_status),
        by_function)
) AS try (statement, expected);

-- Reading. The first reading stands, to the microsecond; now() is what the function writes.
SELECT is(
    attempt(actor, 'acme', 'ben', statement), expected,
    format('%s: %s', actor, statement)
)
FROM (VALUES ('pending'), ('accepted'), ('declined')) AS s (status)
CROSS JOIN (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('UPDATE skill_messages SET read_at = now() WHERE id = %L', '1 rows', '23514'),
    ('UPDATE skill_messages SET read_at = ''2026-03-03 03:03'' WHERE id = %L', '1 rows', '1 rows'),
    ('UPDATE skill_messages SET read_at = ''2026-03-03 03:03:00.000001'' WHERE id = %L', '1 rows',
        '23514'),
    ('UPDATE skill_messages SET read_at = NULL WHERE id = %L', '1 rows', '23514'),
    ('SELECT mark_message_read(%L) = now()', 'true', 'false'),
    ('SELECT mark_message_read(%L) = ''2026-03-03 03:03''', 'false', 'true')
) AS readings (template, when_unread, when_read)
CROSS JOIN LATERAL (VALUES
    (format(template, status || ' unread'), when_unread),
    (format(template, status || ' read'), when_read)
) AS try (statement, expected);

-- The time of the answer is noted whoever answers, and by nothing else.
SELECT is(
    attempt(actor, 'acme', 'ben', statement), expected, format('%s: %s', actor, statement)
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ($$WITH u AS (UPDATE skill_messages SET status = 'declined' WHERE id = 'pending unread'
        RETURNING answered_at) SELECT answered_at = now() FROM u$$, 'true'),
    ($$WITH u AS (UPDATE skill_messages SET status = 'pending' WHERE id = 'pending unread'
        RETURNING answered_at) SELECT answered_at FROM u$$, 'null'),
    ($$WITH u AS (UPDATE skill_messages SET read_at = now() WHERE id = 'pending unread'
        RETURNING answered_at) SELECT answered_at FROM u$$, 'null')
) AS answers (statement, expected);

SELECT is(attempt(actor, 'acme', 'ben', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES
    ('service', '42501', '23514'), ('app', '42501', '42501'), ('superuser', '23514', '23514')
) AS actors (actor, updating, inserting)
CROSS JOIN LATERAL (VALUES
    ($$UPDATE skill_messages SET status = 'accepted', answered_at = now()
        WHERE id = 'pending read'$$, updating),
    ($$INSERT INTO skill_messages
        (tenant_id, from_user_id, to_user_id, subject_skill_id, message, answered_at)
        VALUES ('acme', 'ben', 'ann', 'knots', 'Hello', now())$$, inserting)
) AS tries (statement, expected);

-- Birth, by a direct INSERT. Only service may name these columns.
SELECT is(
    attempt(actor, 'acme', 'ann', format(
        'INSERT INTO skill_messages '
        '(tenant_id, from_user_id, to_user_id, subject_skill_id, message, status, read_at) '
        'VALUES (''acme'', ''ann'', ''ben'', ''knots'', ''Hello'', %L, %L)', status, read_at)),
    CASE actor WHEN 'app' THEN '42501' ELSE expected END,
    format('%s inserts a message with status %L and read_at %L', actor, status, read_at)
)
FROM (VALUES ('service'), ('superuser'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ('pending', NULL, '1 rows'),
    ('accepted', NULL, '23514'),
    ('declined', NULL, '23514'),
    ('read', NULL, '23514'),
    ('', NULL, '23514'),
    (NULL, NULL, '23502'),
    ('pending', '2026-03-03', '23514'),
    ('accepted', '2026-03-03', '23514')
) AS births (status, read_at, expected);

-- Everything else. The privileges stop the roles; the rule stops everybody else.
SELECT is(
    attempt('superuser', 'acme', '',
        format('UPDATE skill_messages SET %I = %s WHERE id = %L', col, val, id)), expected,
    format('superuser sets %s of message %s, which is decided or not, to %s', col, id, val)
)
FROM (VALUES ('a1'), ('a4')) AS messages (id)
CROSS JOIN (VALUES
    ('id', '''b1''', '23514'),
    ('id', 'id', '1 rows'),
    ('id', 'NULL', '23514'),
    ('tenant_id', '''Acme''', '23514'),
    ('tenant_id', 'NULL', '23514'),
    ('from_user_id', '''cid''', '23514'),
    ('from_user_id', 'NULL', '23514'),
    ('to_user_id', '''ann''', '23514'),
    ('to_user_id', 'NULL', '23514'),
    ('subject_skill_id', '''ropes''', '23514'),
    ('subject_skill_id', 'NULL', '23514'),
    ('proposed_parent_skill_id', '''knots''', '23514'),
    ('proposed_parent_skill_id', '''nothing''', '23514'),
    ('proposed_parent_skill_id', 'NULL', '23514'),
    ('proposed_parent_skill_id', 'proposed_parent_skill_id', '1 rows'),
    ('message', '''Something else''', '23514'),
    ('message', '''''', '23514'),
    ('message', 'NULL', '23502'),
    ('message', 'message || ''''', '1 rows'),
    ('message', '''[erased]''', '1 rows'),
    ('message', '''[ERASED]''', '23514'),
    ('message', '''[erased] ''', '23514'),
    ('message', '''erased''', '23514'),
    ('message', 'message || ''[erased]''', '23514'),
    ('created_at', 'now()', '23514'),
    ('created_at', 'NULL', '23514'),
    ('created_at', 'created_at - interval ''1 microsecond''', '23514'),
    ('answered_at', 'answered_at', '1 rows'),
    ('answered_at', 'now() - interval ''1 microsecond''', '23514')
) AS changes (col, val, expected);

SELECT is(attempt('superuser', 'acme', '', statement), expected, statement)
FROM (VALUES
    ($$UPDATE skill_messages SET proposed_parent_skill_id = 'knots' WHERE id = 'a3'$$, '23514'),
    ($$UPDATE skill_messages SET status = 'accepted', read_at = now() WHERE id = 'a1'$$, '1 rows'),
    ($$UPDATE skill_messages SET status = 'accepted', message = 'Sure' WHERE id = 'a1'$$, '23514'),
    ($$UPDATE skill_messages SET status = 'accepted' WHERE id IN ('a1', 'a5')$$, 'SM003'),
    ($$UPDATE skill_messages SET message = '[erased]', to_user_id = 'cid' WHERE id = 'a1'$$,
        '23514'),
    ($$UPDATE skill_messages SET message = '[erased]', created_at = now() WHERE id = 'a1'$$,
        '23514'),
    ('UPDATE skill_messages SET message = ''[erased]'', proposed_parent_skill_id = NULL '
        'WHERE id = ''a1''', '23514'),
    ($$UPDATE skill_messages SET message = '[erased]', status = 'declined' WHERE id = 'a4'$$,
        'SM003')
) AS changes (statement, expected);

-- Erasing. Only retention has the privilege, and what is erased stays so.
SELECT is(
    attempt(actor, 'acme', 'ben', format('UPDATE skill_messages SET message = %L', text)),
    expected, format('%s sets all texts to %L', actor, text)
)
FROM (VALUES
    ('service', '42501', '42501'), ('app', '42501', '42501'), ('both', '42501', '42501'),
    ('retention', '11 rows', '23514'), ('retention login', '11 rows', '23514'),
    ('owner', '0 rows', '0 rows'), ('superuser', '13 rows', '23514')
) AS actors (actor, erasing, rewriting)
CROSS JOIN LATERAL (VALUES
    ('[erased]', erasing), ('[gone]', rewriting), ('', rewriting)
) AS texts (text, expected);

SELECT is(
    act('retention', 'acme', '', 'UPDATE skill_messages SET message = ''[erased]'' '
        'WHERE id = ''pending unread'''), '1 rows',
    'retention erases one'
);

SELECT is(
    attempt(actor, 'acme', '', statement), expected, format('%s: %s', actor, statement)
)
FROM (VALUES
    ('superuser', $$UPDATE skill_messages SET message = 'Hello' WHERE id = 'pending unread'$$,
        '23514'),
    ('retention', $$UPDATE skill_messages SET message = 'Hello' WHERE id = 'pending unread'$$,
        '23514'),
    ('retention', $$UPDATE skill_messages SET message = '[erased]' WHERE id = 'pending unread'$$,
        '1 rows'),
    ('service', $$SELECT id FROM update_message_status('pending unread', 'accepted')$$,
        'pending unread'),
    ('service', $$SELECT mark_message_read('pending unread') = now()$$, 'true')
) AS erased (actor, statement, expected);

-- Each refusal says what it is about.
SELECT is(complaint(actor, 'acme', 'ben', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES
    ('app', $$SELECT id FROM update_message_status('a4', 'accepted')$$,
        'SM003 message_id "a4": already accepted or declined'),
    ('service', $$SELECT id FROM update_message_status('a5', 'accepted')$$,
        'SM003 message_id "a5": already accepted or declined'),
    ('app', $$UPDATE skill_messages SET status = 'declined' WHERE id = 'a4'$$,
        'SM003 status: the message was already accepted or declined'),
    ('app', $$UPDATE skill_messages SET read_at = now() WHERE id = 'a4'$$,
        '23514 read_at: the message was already read, and the first reading stands'),
    ('superuser', $$UPDATE skill_messages SET message = 'x' WHERE id = 'a4'$$,
        '23514 only status and read_at of a message ever change'),
    ('service',
        'INSERT INTO skill_messages '
        '(tenant_id, from_user_id, to_user_id, subject_skill_id, message, status) '
        'VALUES (''acme'', ''ann'', ''ben'', ''knots'', ''Hello'', ''accepted'')',
        '23514 status, read_at, answered_at: a message is born pending and unread')
) AS refusals (actor, statement, expected);

-- One life, step by step, by two signed-in users. Each step is kept.
SELECT is(act('app', 'acme', me, statement), expected, format('step %s, %s: %s', step, me, what))
FROM (VALUES
    (1, 'ann', 'sends',
        $$SELECT send_skill_message('ann', 'cid', 'knots', 'Please?', id => 'life')$$, 'life'),
    (2, 'ann', 'sees it pending and unread', $$
        SELECT status || coalesce(' ' || read_at,
            '') FROM skill_messages WHERE id = 'life'$$, 'pending'),
    (3, 'cid', 'has one more to read', $$SELECT get_unread_count_for_user('cid')$$, '2'),
    (4, 'cid', 'finds it on top', $$SELECT id FROM get_messages_for_user('cid')$$, 'life a3'),
    (5, 'ann', 'may not mark it read', $$SELECT mark_message_read('life')$$, 'SM002'),
    (6, 'ann', 'may not accept it herself',
        $$SELECT id FROM update_message_status('life', 'accepted')$$, 'SM002'),
    (7, 'cid', 'reads it', $$SELECT mark_message_read('life') = now()$$, 'true'),
    (8, 'cid', 'has one less to read', $$SELECT get_unread_count_for_user('cid')$$, '1'),
    (9, 'cid', 'has it pending still', $$SELECT status FROM skill_messages WHERE id = 'life'$$,
        'pending'),
    (10, 'cid', 'cannot make it pending',
        $$SELECT id FROM update_message_status('life', 'pending')$$, '23514'),
    (11, 'cid', 'accepts and gets what to group', $$
        SELECT subject_skill_id,
            new_status FROM update_message_status('life', 'accepted')$$, 'knots,accepted'),
    (12, 'cid', 'cannot accept again', $$SELECT id FROM update_message_status('life', 'accepted')$$,
        'SM003'),
    (13, 'cid', 'cannot change her mind',
        $$SELECT id FROM update_message_status('life', 'declined')$$, 'SM003'),
    (14, 'cid', 'cannot take it back directly', $$
        UPDATE skill_messages SET status = 'pending' WHERE id = 'life'$$, 'SM003'),
    (15, 'ann', 'sees it accepted', $$SELECT status FROM skill_messages WHERE id = 'life'$$,
        'accepted'),
    (16, 'ann', 'may retry the send still', $$
        SELECT send_skill_message('ann', 'cid', 'knots', 'Please?', id => 'life')$$, 'life'),
    (17, 'ann', 'sees it accepted still', $$SELECT status FROM skill_messages WHERE id = 'life'$$,
        'accepted'),
    (18, 'cid', 'answers unread mail too', $$
        SELECT new_status || coalesce(' ' || read_at, '') FROM update_message_status('a3',
            'declined')$$, 'declined'),
    (19, 'cid', 'has it unread still', $$SELECT get_unread_count_for_user('cid')$$, '1'),
    (20, 'cid', 'reads it afterwards', $$SELECT mark_message_read('a3') = now()$$, 'true'),
    (21, 'cid', 'has nothing to read', $$SELECT get_unread_count_for_user('cid')$$, '0')
) AS story (step, me, what, statement, expected);

-- The decided message comes back whole.
SELECT is(
    attempt('app', 'acme', 'ben',
        $$SELECT to_jsonb(d) FROM update_message_status('a1', 'declined') AS d$$),
    attempt('superuser', 'acme', '', $$
        SELECT to_jsonb(m) - '{status,answered_at}'::text[] || '{"new_status": "declined"}'
        FROM skill_messages AS m WHERE id = 'a1'
    $$),
    'update_message_status() returns the message it decided'
);

SELECT * FROM finish();
ROLLBACK;
