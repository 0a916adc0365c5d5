-- The life of a message: born pending and unread; pending, then accepted or declined, once and for
-- good; unread, then read, once; otherwise unchangeable, but that its text may be erased. Whoever
-- writes, and whether by function or by UPDATE. The bounds of its times are in times.sql.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(772);

-- A pending, an accepted and a declined message from ann to ben, each once unread and once read.
INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message, created_at)
SELECT status || ' ' || reading, 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-01-06'
FROM (VALUES ('pending'), ('accepted'), ('declined')) AS s (status)
CROSS JOIN (VALUES ('unread'), ('read')) AS r (reading);

UPDATE fixture_messages
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

-- Reading. The first reading stands: a second one, and a null, change nothing and are no error.
-- What the function writes is the start of the transaction, in whole milliseconds.
SELECT is(
    attempt(actor, 'acme', 'ben', statement), expected,
    format('%s: %s', actor, statement)
)
FROM (VALUES ('pending'), ('accepted'), ('declined')) AS s (status)
CROSS JOIN (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('UPDATE skill_messages SET read_at = now() WHERE id = %L', '1 rows', '1 rows'),
    ('UPDATE skill_messages SET read_at = ''2026-03-03 03:03'' WHERE id = %L', '1 rows', '1 rows'),
    ('UPDATE skill_messages SET read_at = ''2026-03-03 03:03:00.000001'' WHERE id = %L', '1 rows',
        '1 rows'),
    ('UPDATE skill_messages SET read_at = NULL WHERE id = %L', '1 rows', '1 rows'),
    ('SELECT mark_message_read(%L) = date_trunc(''milliseconds'', now())', 'true', 'false'),
    ('SELECT mark_message_read(%L) = ''2026-03-03 03:03''', 'false', 'true')
) AS readings (template, when_unread, when_read)
CROSS JOIN LATERAL (VALUES
    (format(template, status || ' unread'), when_unread),
    (format(template, status || ' read'), when_read)
) AS try (statement, expected);

-- What stands there afterwards, and that nothing else is another.
SELECT is(
    attempt(actor, 'acme', 'ben', format('WITH u AS (UPDATE skill_messages SET read_at = %s '
        'WHERE id = %L RETURNING *) SELECT to_jsonb(u) FROM u', value, status || ' ' || reading)),
    (
        SELECT (to_jsonb(m) || jsonb_build_object('read_at', CASE reading
            WHEN 'read' THEN timestamptz '2026-03-03 03:03' ELSE first_reading::timestamptz END)
        )::text
        FROM fixture_messages AS m WHERE m.id = s.status || ' ' || reading
    ),
    format('%s sets read_at of a message, %s and %s, to %s', actor, status, reading, value)
)
FROM (VALUES ('pending'), ('accepted'), ('declined')) AS s (status)
CROSS JOIN (VALUES ('unread'), ('read')) AS r (reading)
CROSS JOIN (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('NULL', NULL),
    ('read_at', NULL),
    ('''2026-03-03 03:03''', '2026-03-03 03:03'),
    ('''2026-03-03 03:03:00.001''', '2026-03-03 03:03:00.001'),
    ('''2026-02-01''', '2026-02-01'),
    ('''2026-04-01''', '2026-04-01'),
    ('''-infinity''', '2026-01-06')
) AS readings (value, first_reading);

-- The second click, by the functions and by an ORM: no error, and nothing happens.
SELECT is(attempt(actor, 'acme', 'ben', statement), expected,
    format('%s: %s', actor, one_line(statement)))
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ($$SELECT mark_message_read('pending unread') = mark_message_read('pending unread')$$, 'true'),
    ($$SELECT mark_messages_read('ben', message_ids => '{pending unread,pending read}'),
        mark_messages_read('ben', message_ids => '{pending unread,pending read}')$$, '1,0'),
    ($$SELECT mark_messages_read('ben', message_ids => '{pending read,accepted read}')$$, '0'),
    ($$UPDATE skill_messages SET status = 'accepted', read_at = now() WHERE id = 'pending read'$$,
        '1 rows'),
    ($$UPDATE skill_messages SET status = status, read_at = NULL WHERE id = 'accepted read'$$,
        '1 rows'),
    ($$UPDATE skill_messages SET read_at = now() WHERE to_user_id = 'ben'$$, '8 rows')
) AS clicks (statement, expected);

-- A reading does not spare a decision that is refused.
SELECT is(
    attempt(actor, 'acme', 'ben', $$UPDATE skill_messages SET status = 'declined', read_at = now()
        WHERE id = 'accepted read'$$), 'SM003', actor || ' reads again and changes its mind'
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor);

-- The time of the answer is noted whoever answers, and by nothing else.
SELECT is(
    attempt(actor, 'acme', 'ben', statement), expected,
    format('%s: %s', actor, one_line(statement))
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ($$WITH u AS (UPDATE skill_messages SET status = 'declined' WHERE id = 'pending unread'
        RETURNING answered_at) SELECT answered_at = date_trunc('milliseconds', now()) FROM u$$,
        'true'),
    ($$SELECT answered_at = date_trunc('milliseconds', now())
        FROM update_message_status('pending unread', 'accepted')$$, 'true'),
    ($$WITH u AS (UPDATE skill_messages SET status = 'pending' WHERE id = 'pending unread'
        RETURNING answered_at) SELECT answered_at FROM u$$, 'null'),
    ($$WITH u AS (UPDATE skill_messages SET read_at = now() WHERE id = 'pending unread'
        RETURNING answered_at) SELECT answered_at FROM u$$, 'null')
) AS answers (statement, expected);

SELECT is(attempt(actor, 'acme', 'ben', statement), expected,
    format('%s: %s', actor, one_line(statement)))
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
    ('pending', '2100-01-01', '23514'),
    ('accepted', '2100-01-01', '23514')
) AS births (status, read_at, expected);

-- [erased] stands for a text that was there once. Nobody sends it, whoever it is and by whatever
-- way.
SELECT is(complaint(actor, 'acme', 'ann', format(template, text)), expected,
    format('%s: ' || one_line(template), actor, text))
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ($$INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('acme', 'ann', 'ben', 'knots', %L)$$, '', '1 rows'),
    ('SELECT send_skill_message(''ann'', ''ben'', ''knots'', %L, id => ''new'')', '', 'new'),
    ($$SELECT array_to_string(send_skill_messages(jsonb_build_array(jsonb_build_object(
        'from_user_id', 'ann', 'to_user_id', 'ben', 'subject_skill_id', 'knots', 'message',
        text %L, 'id', 'new'))), ' ')$$, 'message 1: ', 'new')
) AS ways (template, position, sent)
CROSS JOIN LATERAL (VALUES
    ('[erased]', '23514 ' || position || CASE WHEN template LIKE '%send%' THEN 'invalid message'
        ELSE 'status, read_at, answered_at, message: a new message is pending and unread, '
            'and not [erased]'
    END),
    ('[ERASED]', 'no error: ' || sent),
    ('[erased] ', 'no error: ' || sent),
    ('erased', 'no error: ' || sent)
) AS texts (text, expected);

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
    ('message', 'NULL', '23514'),
    ('message', 'message || ''''', '1 rows'),
    ('message', 'message', '1 rows'),
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
SELECT is_unless(
    unbound(actor),
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
    ('service',
        $$SELECT mark_message_read('pending unread') = date_trunc('milliseconds', now())$$, 'true')
) AS erased (actor, statement, expected);

-- Who may not read a text is not told whether it guessed it: the right text and a wrong one give
-- the same error, to the last word.
SELECT is(
    (SELECT (t.gave, t.code, t.message, t.hint)::text FROM trial(actor, 'acme', '', format(
        'UPDATE skill_messages SET message = %L WHERE id = %L', guess, id), false) AS t),
    ROW (
        NULL, '23514', 'only status and read_at of a message ever change',
        'Send a new message instead. A text can only be erased.'
    )::text,
    format('%s guesses that %s is %L', actor, id, guess)
)
FROM (VALUES ('retention'), ('retention login')) AS actors (actor)
CROSS JOIN (VALUES
    ('a1', 'Mine under yours?'), ('a1', 'Mine under theirs?'), ('a1', ''),
    ('a4', 'Or so?'), ('a4', 'Or thus?'), ('pending unread', 'Hello')
) AS guesses (id, guess);

SELECT is(attempt(actor, 'acme', '', statement), expected,
    format('%s: %s', actor, one_line(statement)))
FROM (VALUES ('retention'), ('retention login')) AS actors (actor)
CROSS JOIN (VALUES
    -- Nor by what a statement would do with it.
    ($$UPDATE skill_messages SET message = message$$, '42501'),
    ($$UPDATE skill_messages SET message = '[erased]' WHERE message = 'Or so?'$$, '42501'),
    ($$UPDATE skill_messages SET message = '[erased]' WHERE length(message) > 1$$, '42501'),
    ($$WITH u AS (UPDATE skill_messages SET message = '[erased]' RETURNING message)
        SELECT message FROM u$$, '42501'),
    -- Another tenant's is not there.
    ($$UPDATE skill_messages SET message = '[erased]' WHERE id = 'g1'$$, '0 rows'),
    ($$UPDATE skill_messages SET message = 'Mine under yours?' WHERE id = 'g1'$$, '0 rows')
) AS tries (statement, expected);

-- Who may read it, and write it, says what is already so, and no more.
CREATE ROLE skill_messages_test_jobs LOGIN
IN ROLE skill_messages_service, skill_messages_retention;
INSERT INTO actor VALUES ('jobs', 'skill_messages_test_jobs');

SELECT is(
    attempt(actor, 'acme', '', format('UPDATE skill_messages SET message = %s WHERE id = ''a1''',
        text)),
    expected, format('%s sets the message of a1 to %s', actor, text)
)
FROM (VALUES ('jobs'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('''Mine under yours?''', '1 rows'), ('message', '1 rows'), ('''[erased]''', '1 rows'),
    ('''Mine under theirs?''', '23514'), ('upper(message)', '23514'), ('NULL', '23514')
) AS texts (text, expected);

-- Each refusal says what it is about.
SELECT is(complaint(actor, 'acme', 'ben', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES
    ('app', $$SELECT id FROM update_message_status('a4', 'accepted')$$,
        'SM003 message_id "a4": already accepted or declined'),
    ('service', $$SELECT id FROM update_message_status('a5', 'accepted')$$,
        'SM003 message_id "a5": already accepted or declined'),
    ('app', $$UPDATE skill_messages SET status = 'declined' WHERE id = 'a4'$$,
        'SM003 status: the message was already accepted or declined'),
    ('app', $$UPDATE skill_messages SET read_at = now() WHERE id = 'a4'$$, 'no error: 1 rows'),
    ('superuser', $$UPDATE skill_messages SET message = 'x' WHERE id = 'a4'$$,
        '23514 only status and read_at of a message ever change'),
    ('service',
        'INSERT INTO skill_messages '
        '(tenant_id, from_user_id, to_user_id, subject_skill_id, message, status) '
        'VALUES (''acme'', ''ann'', ''ben'', ''knots'', ''Hello'', ''accepted'')',
        '23514 status, read_at, answered_at, message: a new message is pending and unread, '
        'and not [erased]')
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
    (7, 'cid', 'reads it',
        $$SELECT mark_message_read('life') = date_trunc('milliseconds', now())$$, 'true'),
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
    (20, 'cid', 'reads it afterwards',
        $$SELECT mark_message_read('a3') = date_trunc('milliseconds', now())$$, 'true'),
    (21, 'cid', 'has nothing to read', $$SELECT get_unread_count_for_user('cid')$$, '0'),
    (22, 'cid', 'clicks "Mark as read" in a stale page',
        $$UPDATE skill_messages SET read_at = clock_timestamp() WHERE id = 'life'$$, '1 rows'),
    (23, 'cid', 'and "Mark as unread", which there is not',
        $$UPDATE skill_messages SET read_at = NULL WHERE id IN ('a3', 'life')$$, '2 rows'),
    (24, 'cid', 'has read both when it first did', $$SELECT count(*) FROM skill_messages
        WHERE id IN ('a3', 'life') AND read_at = date_trunc('milliseconds', now())$$, '2'),
    (25, 'cid', 'has nothing to read still', 'SELECT get_unread_count_for_user()', '0')
) AS story (step, me, what, statement, expected);

-- The decided message comes back whole.
SELECT is(
    attempt('app', 'acme', 'ben',
        $$SELECT to_jsonb(d) FROM update_message_status('a1', 'declined') AS d$$),
    attempt('superuser', 'acme', '', $$
        SELECT to_jsonb(m) - 'status' || jsonb_build_object('new_status', 'declined',
            'answered_at', date_trunc('milliseconds', now()))
        FROM skill_messages AS m WHERE id = 'a1'
    $$),
    'update_message_status() returns the message it decided'
);

SELECT * FROM finish();
ROLLBACK;
