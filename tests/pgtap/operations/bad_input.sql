-- Bad input of every kind: what a function refuses, it refuses with the SQLSTATE, a message that
-- names the argument and a hint; what the table refuses, it refuses whoever writes.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(238);

-- The functions. Whether service or app asks makes no difference.
SELECT is(complaint(actor, 'acme', 'ann', statement), expected,
    format('%s: %s', actor, what))
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    -- send_skill_message: nothing is there that must be.
    ('a recipient of null', $$SELECT send_skill_message('ann', NULL, 'knots', 'Hello')$$,
        '22023 to_user_id is null'),
    ('a subject of null', $$SELECT send_skill_message('ann', 'ben', NULL, 'Hello')$$,
        '22023 subject_skill_id is null'),
    ('a text of null', $$SELECT send_skill_message('ann', 'ben', 'knots', NULL)$$,
        '23514 invalid message'),
    ('an empty recipient', $$SELECT send_skill_message('ann', '', 'knots', 'Hello')$$,
        '23514 invalid to_user_id'),
    ('an empty subject', $$SELECT send_skill_message('ann', 'ben', '', 'Hello')$$,
        '23503 unknown subject_skill_id'),
    ('an empty parent', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', '')$$,
        '23503 unknown proposed_parent_skill_id'),
    ('an empty id', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', id => '')$$,
        '23514 invalid id'),

    -- send_skill_message: blank or oversized, and an id that is taken helps nobody.
    ('an empty text', $$SELECT send_skill_message('ann', 'ben', 'knots', '')$$,
        '23514 invalid message'),
    ('a space', $$SELECT send_skill_message('ann', 'ben', 'knots', ' ')$$,
        '23514 invalid message'),
    ('white space', $$SELECT send_skill_message('ann', 'ben', 'knots', E' \n\r\t\f\x0b ')$$,
        '23514 invalid message'),
    ('10,000 spaces', $$SELECT send_skill_message('ann', 'ben', 'knots', repeat(' ', 10000))$$,
        '23514 invalid message'),
    ('10,001 characters', $$SELECT send_skill_message('ann', 'ben', 'knots', repeat('x', 10001))$$,
        '23514 invalid message'),
    ('a megabyte', $$SELECT send_skill_message('ann', 'ben', 'knots', repeat('x', 1048576))$$,
        '23514 invalid message'),
    ('a blank text under an id that exists',
        $$SELECT send_skill_message('ann', 'ben', 'knots', ' ', 'ropes', 'a1')$$,
        '23514 invalid message'),

    -- send_skill_message: more than an index takes. Digests, because an index compresses what
    -- repeats.
    ('an id of 6,400 bytes', $$
        SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', id => string_agg(md5(n::text),
            '')) FROM generate_series(1, 200) AS n
    $$, '22023 an id is too long for its index'),
    ('a recipient of 6,400 bytes', $$
        SELECT send_skill_message('ann', string_agg(md5(n::text), ''), 'knots', 'Hello')
        FROM generate_series(1, 200) AS n
    $$, '22023 an id is too long for its index'),

    -- get_unread_count_for_user.
    ('a count of null', $$SELECT get_unread_count_for_user(NULL)$$, '22023 user_id is null'),
    ('at most 0', $$SELECT get_unread_count_for_user('ann', 0)$$, '22023 at_most is 0'),
    ('at most -1', $$SELECT get_unread_count_for_user('ann', at_most => -1)$$,
        '22023 at_most is -1'),

    -- update_message_status: what is no decision is refused before anybody looks for the message.
    ('an unknown status', $$SELECT id FROM update_message_status('a2', 'maybe')$$,
        '23514 status "maybe" is no decision'),
    ('back to pending', $$SELECT id FROM update_message_status('a2', 'pending')$$,
        '23514 status "pending" is no decision'),
    ('capital letters', $$SELECT id FROM update_message_status('a2', 'ACCEPTED')$$,
        '23514 status "ACCEPTED" is no decision'),
    ('a space too many', $$SELECT id FROM update_message_status('a2', 'accepted ')$$,
        '23514 status "accepted " is no decision'),
    ('an empty status', $$SELECT id FROM update_message_status('a2', '')$$,
        '23514 status "" is no decision'),
    ('a status of null', $$SELECT id FROM update_message_status('a2', NULL)$$,
        '23514 status "null" is no decision'),
    ('an unknown status of an unknown message',
        $$SELECT id FROM update_message_status('absent', 'maybe')$$,
        '23514 status "maybe" is no decision'),
    ('an unknown status of a decided message',
        $$SELECT id FROM update_message_status('a5', 'maybe')$$,
        '23514 status "maybe" is no decision'),

    -- mark_messages_read, export_user_messages.
    ('all of null read', $$SELECT mark_messages_read(NULL)$$, '22023 user_id is null'),
    ('all up to null read', $$SELECT mark_messages_read('ann', NULL)$$,
        '22023 up_to_created_at is null'),
    ('all of null up to null read', $$SELECT mark_messages_read(NULL, NULL)$$,
        '22023 user_id is null'),
    ('an export of null', $$SELECT line FROM export_user_messages(NULL)$$, '22023 user_id is null')
) AS bad (what, statement, expected);

-- A page of the inbox or of the sent box.
SELECT is(complaint(actor, 'acme', 'ann', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES ('get_messages_for_user'), ('get_messages_from_user')) AS boxes (box)
CROSS JOIN (VALUES
    ('NULL', '22023 user_id is null'),
    ('''ann'', NULL', '22023 max_messages is null'),
    ('''ann'', 0', '22023 max_messages is 0'),
    ('''ann'', -1', '22023 max_messages is -1'),
    ('''ann'', 1001', '22023 max_messages is 1001'),
    ('''ann'', 2147483647', '22023 max_messages is 2147483647'),
    ('''ann'', 5, before_created_at => now()',
        '22023 before_created_at and before_id: one is given, the other is null'),
    ('''ann'', 5, before_id => ''a2''',
        '22023 before_created_at and before_id: one is given, the other is null')
) AS bad (arguments, expected)
CROSS JOIN LATERAL format('SELECT id FROM %I(%s)', box, arguments) AS statement;

-- For app, a sender who is not the signed-in user is refused first.
SELECT is(complaint('service', 'acme', '', statement), expected, 'service: ' || statement)
FROM (VALUES
    ($$SELECT send_skill_message('', 'ben', 'knots', 'Hello')$$,
        '23514 invalid from_user_id'),
    ($$SELECT send_skill_message(NULL, 'ben', 'knots', 'Hello')$$,
        '22023 from_user_id is null')
) AS bad (statement, expected);

SELECT is(
    complaint(actor, 'acme', 'ann', $$SELECT send_skill_message(NULL, 'ben', 'knots', 'Hello')$$),
    '22023 from_user_id is null', actor || ': a sender of null'
)
FROM (VALUES ('app'), ('both')) AS actors (actor);

-- retention. Only a tenant is asked for: no user is signed in.
SELECT is(complaint('retention', tenant, '', statement), expected,
    format('retention in tenant %L: %s', tenant, statement))
FROM (VALUES
    ('acme', $$SELECT * FROM erase_user_messages(NULL)$$, '22023 user_id is null'),
    ('', $$SELECT * FROM erase_user_messages('ann')$$,
        'SM001 app.current_tenant_id: no tenant in the context'),
    ('acme', $$SELECT delete_skill_messages(NULL, now(), 9, true, true, false)$$,
        'SM001 tenant_id: no tenant given'),
    ('acme', $$SELECT delete_skill_messages('', now(), 9, true, true, false)$$,
        'SM001 tenant_id: no tenant given')
) AS bad (tenant, statement, expected);

-- An id of null is no message.
SELECT matches(complaint(actor, 'acme', 'ann', statement),
    '^SM002 message_id .* no such message$',
    format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ($$SELECT mark_message_read(NULL)$$),
    ($$SELECT id FROM get_skill_message(NULL)$$),
    ($$SELECT id FROM update_message_status(NULL, 'accepted')$$)
) AS bad (statement);

-- set_skill_message_context.
SELECT is(complaint(actor, 'acme', 'ann', statement),
    'SM001 tenant_id: no tenant given',
    format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ($$SELECT set_skill_message_context(NULL)$$), ($$SELECT set_skill_message_context('')$$),
    ($$SELECT set_skill_message_context(NULL, 'ann')$$),
    ($$SELECT set_skill_message_context('', 'ann')$$)
) AS bad (statement);

-- Nobody signed in is not the user ''.
SELECT is(complaint('app', 'acme', '', statement),
    'SM001 app.current_user_id: no user in the context', 'nobody: ' || statement)
FROM (VALUES
    ($$SELECT id FROM get_messages_for_user('')$$),
    ($$SELECT id FROM get_messages_from_user('')$$),
    ($$SELECT get_unread_count_for_user('')$$),
    ($$SELECT send_skill_message('', 'ben', 'knots', 'Hello')$$),
    ($$SELECT send_skill_messages('[{"from_user_id": "", "to_user_id": "ben",
        "subject_skill_id": "knots", "message": "Hello"}]')$$),
    ($$SELECT mark_messages_read('')$$),
    ($$SELECT line FROM export_user_messages('')$$)
) AS tries (statement);

-- What is no value of the type, or no such argument, never reaches a function.
SELECT is(attempt('service', 'acme', '', statement), expected, statement)
FROM (VALUES
    ($$SELECT id FROM get_messages_for_user('ann', 'many')$$, '22P02'),
    ($$SELECT id FROM get_messages_for_user('ann', 2147483648)$$, '42883'),
    ($$SELECT id FROM get_messages_for_user('ann', 1, 'yesterday week', 'a')$$, '22007'),
    ($$SELECT get_unread_count_for_user('ann', 9223372036854775808)$$, '42883'),
    ($$SELECT send_skill_message('ann', 'ben', 'knots')$$, '42883'),
    ($$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', tenant_id => 'acme')$$, '42883'),
    ($$SELECT id FROM get_messages_for_user()$$, '42883'),
    ($$SELECT mark_message_read('a2', now())$$, '42883'),
    ($$SELECT mark_messages_read('ann', 'yesterday week')$$, '22007'),
    ($$SELECT mark_messages_read()$$, '42883'),
    ($$SELECT send_skill_messages('no JSON')$$, '22P02'),
    ($$SELECT pending FROM get_message_stats('acme')$$, '42883'),
    ($$SELECT line FROM export_user_messages()$$, '42883'),
    ($$SELECT id FROM get_skill_message('a1', 'acme')$$, '42883'),
    ($$SELECT id FROM update_message_status('a2')$$, '42883')
) AS bad (statement, expected);

-- The table itself, by a direct INSERT; not even a superuser stores what breaks a check.
SELECT is(
    complaint(actor, 'acme', 'ann', (
        SELECT format('INSERT INTO skill_messages (%s) VALUES (%s)',
            string_agg(key, ', '), string_agg(quote_nullable(value), ', '))
        FROM jsonb_each_text(
            '{"id": "new", "tenant_id": "acme", "from_user_id": "ann", "to_user_id": "ben",
            "subject_skill_id": "knots", "message": "Hello"}'::jsonb || jsonb_build_object(col, val)
        )
    )) ~ format('^%s .*"%s"', expected, coalesce(constraint_name, col)),
    true, format('%s inserts a message with %s of %s', actor, col,
        coalesce(to_json(left(val, 20))::text, 'null'))
)
FROM (VALUES ('service'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('id', '', '23514', 'skill_messages_id_check'),
    ('id', NULL, '23502', NULL),
    ('id', 'a1', '23505', 'skill_messages_pkey'),
    ('id', 'g1', '23505', 'skill_messages_pkey'),
    ('from_user_id', '', '23514', 'skill_messages_from_user_id_check'),
    ('from_user_id', NULL, '23502', NULL),
    ('to_user_id', '', '23514', 'skill_messages_to_user_id_check'),
    ('to_user_id', NULL, '23502', NULL),
    ('subject_skill_id', NULL, '23502', NULL),
    ('message', '', '23514', 'skill_messages_message_check'),
    ('message', E' \n\r\t\f\x0b ', '23514', 'skill_messages_message_check'),
    ('message', repeat('x', 10001), '23514', 'skill_messages_message_check'),
    ('message', NULL, '23502', NULL),
    ('created_at', 'infinity', '23514', 'skill_messages_created_at_check'),
    ('created_at', '-infinity', '23514', 'skill_messages_created_at_check'),
    ('created_at', NULL, '23502', NULL)
) AS bad (col, val, expected, constraint_name);

-- A reading is at a time, too.
SELECT matches(
    complaint(actor, 'acme', 'ben', format(
        'UPDATE skill_messages SET read_at = %L WHERE id = ''a1''', read_at)),
    '^23514 .*"skill_messages_read_at_check"',
    format('%s reads a message at %s', actor, read_at)
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES ('infinity'), ('-infinity')) AS bad (read_at);

-- The empty tenant: with '' in the context, a row of tenant '' would pass every policy, so no such
-- row can be.
INSERT INTO tenants (id, name) VALUES ('', 'Nobody');
INSERT INTO users (tenant_id, id, name) VALUES ('', 'nul', 'Nul'), ('', 'nil', 'Nil');
INSERT INTO skills (tenant_id, id, name) VALUES ('', 'void', 'Void');

SELECT matches(
    complaint(actor, '', 'nul', $$
        INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('', 'nul', 'nil', 'void', 'Hello')
    $$), '^23514 .*"skill_messages_tenant_id_check"',
    actor || ' inserts a message of the empty tenant'
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor);

SELECT is(
    attempt(actor, '', 'nul', format('SELECT id FROM %I', tab)), 'nothing',
    format('%s, with the empty tenant, sees no %s, though the host has some of the empty tenant',
        actor, tab)
)
FROM (VALUES ('service'), ('app'), ('owner')) AS actors (actor)
CROSS JOIN (VALUES ('tenants'), ('users'), ('skills'), ('skill_messages')) AS tables (tab);

SELECT * FROM finish();
ROLLBACK;
