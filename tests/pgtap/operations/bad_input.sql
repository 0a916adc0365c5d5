-- Bad input of every kind: what a function refuses, it refuses with the SQLSTATE, a message that
-- names the argument and a hint; what the table refuses, it refuses whoever writes.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(1153);

-- Long, and of no use to an index, which compresses what repeats.
CREATE FUNCTION digests(size integer) RETURNS text
LANGUAGE sql
AS $$ SELECT string_agg(md5(n::text), '') FROM generate_series(1, size) AS n $$;

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

    ('a no-break space', $$SELECT send_skill_message('ann', 'ben', 'knots', U&'\00A0')$$,
        '23514 invalid message'),
    ('a zero-width space', $$SELECT send_skill_message('ann', 'ben', 'knots', U&'\200B')$$,
        '23514 invalid message'),
    ('a word that is not for senders',
        $$SELECT send_skill_message('ann', 'ben', 'knots', '[erased]')$$,
        '23514 invalid message'),
    ('an id of 256 bytes', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', NULL,
        repeat('x', 256))$$, '23514 invalid id'),

    -- send_skill_message: more than an index takes.
    ('an id of 6,400 bytes',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', id => digests(200))$$,
        '23514 invalid id'),
    ('a recipient of 6,400 bytes',
        $$SELECT send_skill_message('ann', digests(200), 'knots', 'Hello')$$,
        '22023 to_user_id is too long for an index'),
    ('a subject of 6,400 bytes',
        $$SELECT send_skill_message('ann', 'ben', digests(200), 'Hello')$$,
        '22023 subject_skill_id is too long for an index'),
    ('a parent of 6,400 bytes',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', digests(200))$$,
        '22023 proposed_parent_skill_id is too long for an index'),

    -- get_unread_count_for_user.
    ('at most 0', $$SELECT get_unread_count_for_user('ann', 0)$$, '22023 at_most is 0'),
    ('at most -1', $$SELECT get_unread_count_for_user('ann', at_most => -1)$$,
        '22023 at_most is -1'),

    -- update_message_status: what is no decision is refused before anybody looks for the message.
    ('an unknown status', $$SELECT id FROM update_message_status('a2', 'maybe')$$,
        '23514 status "maybe" is not a decision'),
    ('back to pending', $$SELECT id FROM update_message_status('a2', 'pending')$$,
        '23514 status "pending" is not a decision'),
    ('capital letters', $$SELECT id FROM update_message_status('a2', 'ACCEPTED')$$,
        '23514 status "ACCEPTED" is not a decision'),
    ('a space too many', $$SELECT id FROM update_message_status('a2', 'accepted ')$$,
        '23514 status "accepted " is not a decision'),
    ('an empty status', $$SELECT id FROM update_message_status('a2', '')$$,
        '23514 status "" is not a decision'),
    ('a status of null', $$SELECT id FROM update_message_status('a2', NULL)$$,
        '23514 status "null" is not a decision'),
    ('an unknown status of an unknown message',
        $$SELECT id FROM update_message_status('absent', 'maybe')$$,
        '23514 status "maybe" is not a decision'),
    ('an unknown status of a decided message',
        $$SELECT id FROM update_message_status('a5', 'maybe')$$,
        '23514 status "maybe" is not a decision'),

    -- mark_messages_read.
    ('1001 ids read', $$SELECT mark_messages_read('ann', message_ids => array_agg('a' || n))
        FROM generate_series(1, 1001) AS n$$, '22023 message_ids has 1001 elements'),
    ('1001 nulls read',
        $$SELECT mark_messages_read(message_ids => array_fill(NULL::text, '{1001}'))$$,
        '22023 message_ids has 1001 elements'),

    -- set_skill_message_context.
    ('a tenant of 256 bytes', $$SELECT set_skill_message_context(repeat('x', 256), 'ann')$$,
        '22023 tenant_id is longer than 255 bytes'),
    ('a user of 256 bytes', $$SELECT set_skill_message_context('acme', repeat('x', 256))$$,
        '22023 user_id is longer than 255 bytes')
) AS bad (what, statement, expected);

-- Nobody is meant where no user is given, and none is in the context.
SELECT is(complaint(actor, 'acme', '', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES
    ('service', '22023 user_id is null'), ('superuser', '22023 user_id is null'),
    ('app', 'SM001 app.current_user_id: no user in the context'),
    ('both', 'SM001 app.current_user_id: no user in the context')
) AS actors (actor, expected)
CROSS JOIN (VALUES
    ('SELECT id FROM get_messages_for_user()'),
    ('SELECT id FROM get_messages_for_user(NULL, NULL)'),
    ('SELECT id FROM get_messages_from_user(max_messages => 5)'),
    ('SELECT id FROM get_named_messages_for_user()'),
    ('SELECT id FROM get_named_messages_from_user(max_messages => 5)'),
    ('SELECT get_unread_count_for_user()'),
    ('SELECT get_unread_count_for_user(NULL, 5)'),
    ('SELECT mark_messages_read()'),
    ('SELECT mark_messages_read(NULL, NULL, NULL)'),
    ('SELECT mark_messages_read(up_to_created_at => now(), message_ids => ''{a2}'')'),
    ('SELECT line FROM export_user_messages()'),
    ('SELECT line FROM export_user_messages(NULL)')
) AS calls (statement);

-- Somebody else is meant: which argument says so, and whom it names, in 100 characters at most.
SELECT is(
    complaint(actor, 'acme', 'ann', replace(statement, '$1', quote_literal(id))),
    format('42501 %s: "%s" is not the signed-in user', argument, left(id, 100)),
    format('%s as ann: %s of %s', actor, statement, left(id, 20))
)
FROM (VALUES ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES ('ben'), ('Ann'), (''), (repeat('é', 99) || 'xyz')) AS users (id)
CROSS JOIN (VALUES
    ('from_user_id', 'SELECT send_skill_message($1, ''ben'', ''knots'', ''Hello'')'),
    ('user_id', 'SELECT id FROM get_messages_for_user($1)'),
    ('user_id', 'SELECT id FROM get_messages_from_user($1)'),
    ('user_id', 'SELECT id FROM get_named_messages_for_user($1)'),
    ('user_id', 'SELECT id FROM get_named_messages_from_user($1)'),
    ('user_id', 'SELECT get_unread_count_for_user($1)'),
    ('user_id', 'SELECT mark_messages_read($1)'),
    ('user_id', 'SELECT mark_messages_read($1, message_ids => ''{a1}'')'),
    ('user_id', 'SELECT line FROM export_user_messages($1)')
) AS calls (argument, statement);

-- A page of the inbox or of the sent box.
SELECT is(complaint(actor, 'acme', 'ann', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('get_messages_for_user'), ('get_messages_from_user'), ('get_named_messages_for_user'),
    ('get_named_messages_from_user')
) AS boxes (box)
CROSS JOIN (VALUES
    ('NULL, NULL', '22023 max_messages is null'),
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
        '22023 from_user_id is null'),
    ($$SELECT send_skill_message(digests(200), 'ben', 'knots', 'Hello')$$,
        '22023 from_user_id is too long for an index')
) AS bad (statement, expected);

SELECT is(
    complaint(actor, 'acme', 'ann', $$SELECT send_skill_message(NULL, 'ben', 'knots', 'Hello')$$),
    '22023 from_user_id is null', actor || ': a sender of null'
)
FROM (VALUES ('app'), ('both')) AS actors (actor);

-- retention. Only a tenant is asked for: no user is signed in.
SELECT is(complaint('retention', tenant, '', statement), expected,
    format('retention in tenant %L: %s', tenant, one_line(statement)))
FROM (VALUES
    ('acme', $$SELECT * FROM erase_user_messages(NULL)$$, '22023 user_id is null'),
    ('acme', $$SELECT * FROM erase_user_messages('ann', NULL)$$, '22023 keep_decided is null'),
    ('acme', $$SELECT * FROM erase_user_messages(NULL, NULL)$$, '22023 user_id is null'),
    ('', $$SELECT * FROM erase_user_messages('ann')$$,
        'SM001 app.current_tenant_id: no tenant in the context'),
    ('acme', $$SELECT skill_messages_private.delete_skill_messages(NULL, now(), 9, true, true,
        false)$$,
        'SM001 tenant_id: no tenant given'),
    ('acme', $$SELECT skill_messages_private.delete_skill_messages('', now(), 9, true, true,
        false)$$,
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
    'SM001 app.current_user_id: no user in the context', 'nobody: ' || one_line(statement))
FROM (VALUES
    ($$SELECT id FROM get_messages_for_user('')$$),
    ($$SELECT id FROM get_messages_from_user('')$$),
    ($$SELECT id FROM get_named_messages_for_user('')$$),
    ($$SELECT id FROM get_named_messages_from_user('')$$),
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
    ($$SELECT id FROM get_messages_for_user(me => 'ann')$$, '42883'),
    ($$SELECT mark_message_read('a2', now())$$, '42883'),
    ($$SELECT mark_message_read()$$, '42883'),
    ($$SELECT mark_messages_read('ann', 'yesterday week')$$, '22007'),
    ($$SELECT mark_messages_read('ann', message_ids => 'a2')$$, '22P02'),
    ($$SELECT mark_messages_read('ann', ARRAY['a2'])$$, '42883'),
    ($$SELECT deleted FROM erase_user_messages()$$, '42883'),
    ($$SELECT deleted FROM erase_user_messages(keep_decided => true)$$, '42883'),
    ($$SELECT send_skill_messages('no JSON')$$, '22P02'),
    ($$SELECT pending FROM get_message_stats('acme')$$, '42883'),
    ($$SELECT line FROM export_user_messages('ann', 'ben')$$, '42883'),
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
    ('id', repeat('x', 256), '23514', 'skill_messages_id_check'),
    ('id', repeat('é', 128), '23514', 'skill_messages_id_check'),
    ('from_user_id', '', '23514', 'skill_messages_from_user_id_check'),
    ('from_user_id', NULL, '23502', NULL),
    ('to_user_id', '', '23514', 'skill_messages_to_user_id_check'),
    ('to_user_id', NULL, '23502', NULL),
    ('subject_skill_id', NULL, '23502', NULL),
    ('message', '', '23514', 'skill_messages_message_check'),
    ('message', E' \n\r\t\f\x0b ', '23514', 'skill_messages_message_check'),
    ('message', repeat('x', 10001), '23514', 'skill_messages_message_check'),
    ('message', NULL, '23502', NULL),
    ('message', U&'\00A0\200B\FEFF\2800\3164', '23514', 'skill_messages_message_check'),
    ('created_at', '1969-12-31 23:59:59.999999', '23514', 'skill_messages_created_at_check'),
    ('created_at', '-infinity', '23514', 'skill_messages_created_at_check'),
    ('created_at', NULL, '23502', NULL)
) AS bad (col, val, expected, constraint_name);

SELECT is(
    complaint(actor, 'acme', 'ann', $$
        INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('acme', 'ann', 'ben', 'knots', '[erased]')
    $$),
    '23514 status, read_at, answered_at, message: a new message is pending and unread, '
    'and not [erased]',
    actor || ' inserts a message that stands for an erased one'
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor);

-- A time out of its bounds is moved into them, and is no error: no message is sent after now, and
-- none is read before it was sent or after now.
SELECT is(
    attempt(actor, 'acme', 'ben', format(
        'INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, '
        'message, created_at) VALUES (''acme'', ''ann'', ''ben'', ''knots'', ''Hello'', %L) '
        'RETURNING created_at BETWEEN date_trunc(''milliseconds'', now()) AND clock_timestamp()',
        created_at)),
    'true', format('%s sends a message at %s', actor, created_at)
)
FROM (VALUES ('service'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES ('infinity'), ('294276-12-31')) AS bad (created_at);

SELECT is(
    attempt(actor, 'acme', 'ben', format(
        'UPDATE skill_messages SET read_at = %L WHERE id = ''a1'' RETURNING %s', read_at, moved)),
    'true', format('%s reads a message at %s', actor, read_at)
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('infinity', 'read_at BETWEEN date_trunc(''milliseconds'', now()) AND clock_timestamp()'),
    ('-infinity', 'read_at = created_at')
) AS bad (read_at, moved);

-- The empty tenant: with '' in the context, a row of tenant '' would pass every policy, so no such
-- row can be.
SELECT is_unless(
    concerns_host(statement),
    complaint(actor, '', 'nul', statement) ~ '^23514 .*"(tenants|users|skills)_(tenant_)?id_check"',
    true, format('%s: %s', actor, statement)
)
FROM (VALUES ('service'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('INSERT INTO tenants (id, name) VALUES ('''', ''Nobody'')'),
    ('INSERT INTO users (tenant_id, id, name) VALUES ('''', ''nul'', ''Nul'')'),
    ('INSERT INTO skills (tenant_id, id, name) VALUES ('''', ''void'', ''Void'')')
) AS tries (statement);

SELECT is_unless(
    coalesce(unbound(actor), host_owns(tab)),
    attempt(actor, '', 'nul', format('SELECT id FROM %I', tab)), 'nothing',
    format('%s, with the empty tenant, sees no %s', actor, tab)
)
FROM (VALUES ('service'), ('app'), ('owner')) AS actors (actor)
CROSS JOIN (VALUES ('tenants'), ('users'), ('skills'), ('skill_messages')) AS tables (tab);

-- Not even where a host has such a tenant.
ALTER TABLE tenants DROP CONSTRAINT IF EXISTS tenants_id_check;
ALTER TABLE users DROP CONSTRAINT IF EXISTS users_tenant_id_check;
ALTER TABLE skills DROP CONSTRAINT IF EXISTS skills_tenant_id_check;

SELECT refusal($$
    CALL add_tenant('', 'Nobody');
    CALL add_user('', 'nul', 'Nul');
    CALL add_skill('', 'void', 'Void');
$$) IS NULL AS tenant_may_be_empty \gset

\if :tenant_may_be_empty
CALL add_tenant('', 'Nobody');
CALL add_user('', 'nul', 'Nul');
CALL add_user('', 'nil', 'Nil');
CALL add_skill('', 'void', 'Void');
\endif

SELECT is_unless(
    CASE WHEN NOT :'tenant_may_be_empty'::boolean THEN 'the host has no empty tenant' END,
    complaint(actor, '', 'nul', $$
        INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('', 'nul', 'nil', 'void', 'Hello')
    $$) ~ '^23514 .*"skill_messages_tenant_id_check"', true,
    actor || ' inserts a message of the empty tenant'
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor);

SELECT is(
    complaint(actor, '', me, $$SELECT send_skill_message('nul', 'nil', 'void', 'Hello')$$),
    'SM001 app.current_tenant_id: no tenant in the context',
    actor || ' sends a message in the empty tenant'
)
FROM (VALUES ('service', ''), ('app', 'nul'), ('superuser', 'nul')) AS actors (actor, me);

-- What writes needs a transaction that may; what reads does not.
SELECT is(
    complaint(actor, 'acme', me, 'SET TRANSACTION READ ONLY; ' || statement),
    format('25006 %s: the transaction is read-only', operation),
    format('%s, read-only: %s', actor, one_line(statement))
)
FROM (VALUES
    ('send_skill_message',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello')$$),
    ('send_skill_message',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Mine under yours?', 'ropes', 'a1')$$),
    ('send_skill_messages',
        $$SELECT send_skill_messages('[{"from_user_id": "ann", "to_user_id": "ben",
            "subject_skill_id": "knots", "message": "Hello"}]')$$),
    ('mark_message_read', $$SELECT mark_message_read('a2')$$),
    ('mark_message_read', $$SELECT mark_message_read('a5')$$),
    ('mark_messages_read', $$SELECT mark_messages_read('ann')$$),
    ('mark_messages_read', $$SELECT mark_messages_read(message_ids => '{a2}')$$),
    ('mark_messages_read', $$SELECT mark_messages_read('ann', '-infinity')$$),
    ('update_message_status', $$SELECT id FROM update_message_status('a2', 'accepted')$$),
    ('update_message_status', $$SELECT id FROM update_message_status('absent', 'accepted')$$)
) AS writing (operation, statement)
CROSS JOIN (VALUES ('service', 'ann'), ('app', 'ann'), ('both', 'ann'), ('superuser', 'ann')
) AS actors (actor, me)
UNION ALL
SELECT is(
    complaint(actor, 'acme', '', 'SET TRANSACTION READ ONLY; ' || statement),
    format('25006 %s: the transaction is read-only', operation),
    format('%s, read-only: %s', actor, one_line(statement))
)
FROM (VALUES
    ('erase_user_messages', $$SELECT * FROM erase_user_messages('ann')$$),
    ('erase_user_messages', $$SELECT * FROM erase_user_messages('absent', false)$$),
    ('purge_skill_messages', $$CALL purge_skill_messages('1 day', tenant_id => 'acme')$$)
) AS writing (operation, statement)
CROSS JOIN (VALUES ('retention'), ('superuser')) AS actors (actor);

SELECT is(
    attempt(actor, '', '', format(
        'SET TRANSACTION READ ONLY; SELECT set_skill_message_context(''acme'', ''ann''); '
        'DO $do$ BEGIN ASSERT (SELECT count(*) FROM %s) = %s; END $do$', call, expected)),
    '0 rows', format('%s, read-only: %s', actor, call)
)
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('get_messages_for_user(''ann'')', 2), ('get_messages_from_user(''ann'')', 2),
    ('get_named_messages_for_user(''ann'')', 2), ('get_named_messages_from_user(''ann'')', 2),
    ('get_skill_message(''a1'')', 1), ('export_user_messages(''ann'')', 4),
    ('(SELECT WHERE get_unread_count_for_user(''ann'') = 1) AS unread', 1),
    ('get_message_stats()', 1)
) AS reading (call, expected);

-- Every function that is published, with each argument given every kind of value, without and with
-- a context, in transactions that may write and that may not: whatever is refused is refused with a
-- SQLSTATE of the contract, a message that names what is at fault, and a hint.
CREATE TABLE sound (argument text PRIMARY KEY, value text);

INSERT INTO sound
VALUES
    ('from_user_id', '''ann'''), ('to_user_id', '''ben'''), ('subject_skill_id', '''knots'''),
    ('message', '''Hello'''), ('proposed_parent_skill_id', '''ropes'''), ('id', '''fresh'''),
    ('user_id', '''ann'''), ('tenant_id', '''acme'''), ('max_messages', '5'),
    ('before_created_at', 'now()'), ('before_id', '''a9'''), ('at_most', '5'),
    ('message_id', '''a2'''), ('status', '''accepted'''), ('up_to_created_at', 'now()'),
    ('message_ids', '''{a2}'''), ('keep_decided', 'true'), ('older_than', '''1 day'''),
    ('batch_size', '10'), ('include_pending', 'false'), ('include_unread', 'false'),
    ('dry_run', 'false'), ('deleted', '0'), ('switched_on', 'true'),
    ('messages', $$'[{"from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
        "message": "Hello", "id": "fresh"}]'$$);

CREATE TABLE value (type regtype, value text);

INSERT INTO value
SELECT 'text', value
FROM (VALUES
    ('NULL'), (''''''), ('''absent'''), ('''ben'''), ('''gus'''), ('''winds'''), ('''a1'''),
    ('''a3'''), ('''a5'''), ('''g1'''), ('''Acme'''), ('''pending'''), ('''[erased]'''), ('''%'''),
    ('E''\n'''), ('repeat(''x'', 256)'), ('repeat(''é'', 20000)'),
    ('digests(200)')
) AS texts (value)
UNION ALL
SELECT type, value
FROM (VALUES (regtype 'integer'), (regtype 'bigint')) AS integers (type)
CROSS JOIN (VALUES ('NULL'), ('0'), ('-1'), ('1'), ('1001'), ('2147483647'), ('-2147483648')
) AS numbers (value)
UNION ALL
VALUES
    (regtype 'timestamptz', 'NULL'), ('timestamptz', '''infinity'''),
    ('timestamptz', '''-infinity'''), ('timestamptz', '''4713-01-01 BC'''),
    ('timestamptz', '''294276-12-31'''),
    ('interval', 'NULL'), ('interval', '''-1 microsecond'''), ('interval', '''0'''),
    ('interval', '''1001 years'''), ('interval', '''178000000 years'''),
    ('interval', '''-178000000 years'''),
    ('boolean', 'NULL'), ('boolean', 'true'), ('boolean', 'false'),
    ('text[]', 'NULL'), ('text[]', '''{}'''), ('text[]', '''{NULL}'''), ('text[]', '''{a1,g1}'''),
    ('text[]', 'array_fill(text ''a2'', ''{1001}'')'),
    ('jsonb', 'NULL'), ('jsonb', '''null'''), ('jsonb', '''{}'''), ('jsonb', '''[]'''),
    ('jsonb', '''[7]'''), ('jsonb', '''[null]'''), ('jsonb', '''[{}]'''),
    ('jsonb', '''[{"id": 7}]'''), ('jsonb', '''[{"odd": ""}]'''),
    ('jsonb', $$'[{"from_user_id": "ben", "to_user_id": "ben", "subject_skill_id": "knots",
        "message": "Hello"}]'$$),
    ('jsonb', $$'[{"from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
        "message": "Hello", "id": "a1"}]'$$),
    ('jsonb', $$'[{"from_user_id": "ann", "to_user_id": "gus", "subject_skill_id": "knots",
        "message": "Hello"}]'$$);

-- What is published: what one of the three roles may call, and the owner's switch.
CREATE TABLE published AS
SELECT p.oid::regprocedure AS signature, p.proname, p.prokind, a.argument, a.type, a.number
FROM pg_proc AS p
LEFT JOIN LATERAL (
    SELECT name, type, number
    FROM unnest(p.proargnames, p.proargmodes,
        coalesce(p.proallargtypes, p.proargtypes::oid[])
    ) WITH ORDINALITY AS all_arguments (name, mode, type, number)
    WHERE coalesce(mode, 'i') IN ('i', 'b')
) AS a (argument, type, number) ON true
WHERE p.pronamespace = 'public'::regnamespace
    AND (
        p.proname = 'switch_skill_message_notifications'
        OR EXISTS (
            SELECT FROM aclexplode(p.proacl) AS acl
            WHERE acl.grantee::regrole::text ~ '^skill_messages_(service|app|retention)$'
        )
    );

SELECT is(
    (SELECT string_agg(proname, ' ' ORDER BY proname COLLATE "C")
    FROM (SELECT DISTINCT proname FROM published) AS names),
    'erase_user_messages export_user_messages get_message_stats get_messages_for_user '
    'get_messages_from_user get_named_messages_for_user get_named_messages_from_user '
    'get_skill_message get_unread_count_for_user mark_message_read mark_messages_read '
    'purge_skill_messages send_skill_message send_skill_messages set_skill_message_context '
    'skill_messages_version switch_skill_message_notifications update_message_status',
    'these are published'
);

SELECT is(
    (SELECT string_agg(DISTINCT concat_ws(' ', argument, type::regtype), ', ')
    FROM published
    WHERE argument NOT IN (SELECT argument FROM sound)
        OR type::regtype NOT IN (SELECT type FROM value)),
    NULL, 'every argument of theirs is known here'
);

-- A call of it with sound arguments, but for one.
CREATE FUNCTION call(signature regprocedure, odd_argument text, odd_value text) RETURNS text
LANGUAGE sql
AS $$
    SELECT format('%s %s(%s)', CASE min(p.prokind) WHEN 'p' THEN 'CALL' ELSE 'SELECT' END,
        min(p.proname),
        string_agg(
            CASE p.argument WHEN odd_argument THEN odd_value ELSE s.value END, ', ' ORDER BY number
        ))
    FROM published AS p
    LEFT JOIN sound AS s ON s.argument = p.argument
    WHERE p.signature = call.signature
$$;

-- What is wrong with an error, if anything. What PostgreSQL itself says of a missing GRANT has no
-- hint, and neither has that a procedure which commits was called in a transaction.
CREATE FUNCTION fault(signature regprocedure, code text, message text, hint text) RETURNS text
LANGUAGE sql
AS $$
    SELECT CASE
        WHEN code IS NULL THEN NULL
        WHEN (code, message) IN (
            ('42501', 'permission denied for function ' || min(proname)),
            ('42501', 'permission denied for procedure ' || min(proname))
        ) THEN NULL
        WHEN code = '2D000' AND min(prokind) = 'p' THEN NULL
        WHEN code !~ '^(SM00[1-5]|22023|23503|23514|25006|42501)$' THEN code || ' ' || message
        WHEN hint = '' THEN format('%s %s: no hint', code, message)
        WHEN length(message) > 300 THEN format('%s %s: too long', code, left(message, 300))
        WHEN message !~ format(
            '^(message [0-9]+: .|status, read_at, answered_at, message: .|'
            'app\.current_(tenant|user)_id: |\w+ does not have the rights of skill_messages_|'
            '(invalid|unknown) (%1$s|tenant_id)$|(%1$s)\M.)',
            string_agg(coalesce(argument, proname), '|')
                || CASE code WHEN '25006' THEN '|' || min(proname) ELSE '' END
        ) THEN format('%s %s: names nothing', code, message)
    END
    FROM published AS p
    WHERE p.signature = fault.signature
$$;

CREATE TABLE tried AS
SELECT p.signature, p.proname, p.argument, v.value, c.*, t.code, t.message, t.hint
FROM published AS p
LEFT JOIN value AS v ON v.type = p.type::regtype
CROSS JOIN (VALUES
    ('service', '', ''), ('service', 'acme', ''), ('service', 'nowhere', 'ann'),
    ('app', '', ''), ('app', 'acme', ''), ('app', 'acme', 'ann'), ('app', 'Acme', 'ann'),
    ('both', 'acme', 'ann'), ('owner', 'acme', 'ann'), ('owner', '', ''),
    ('retention', '', ''), ('retention', 'acme', ''), ('superuser', 'acme', ''),
    ('superuser', 'nowhere', 'ann'), ('monitor', 'acme', 'ann')
) AS c (actor, tenant, me)
CROSS JOIN (VALUES (''), ('SET TRANSACTION READ ONLY; ')) AS modes (mode)
CROSS JOIN trial(
    c.actor, c.tenant, c.me, mode || call(p.signature, p.argument, v.value), false
) AS t;

SELECT is(
    (
        SELECT string_agg(DISTINCT format('%s in %L as %L: %s', t.actor, t.tenant, t.me, fault),
            E'\n')
        FROM tried AS t
        CROSS JOIN fault(t.signature, t.code, t.message, t.hint) AS fault
        WHERE (t.signature, t.argument, t.value)
            IS NOT DISTINCT FROM (p.signature, p.argument, v.value)
            AND fault IS NOT NULL
    ), NULL,
    format('%s(%s => %s)', p.proname, p.argument, one_line(v.value))
)
FROM published AS p
LEFT JOIN value AS v ON v.type = p.type::regtype;

-- That was no empty talk.
SELECT is(
    (SELECT string_agg(DISTINCT coalesce(code, 'none') COLLATE "C", ' ') FROM tried),
    '22023 23503 23514 25006 2D000 42501 SM001 SM002 SM003 SM004 SM005 none',
    'every kind of error was met'
);

SELECT is(
    (SELECT array_agg(proname ORDER BY proname)
    FROM (SELECT proname FROM tried GROUP BY proname
        HAVING count(code) = count(*) OR count(code) = 0) AS names),
    '{purge_skill_messages,skill_messages_version}',
    'every function was called with success and without, but for the one that commits and the one '
    'that cannot fail'
);

-- However long an argument, and whoever gives it, an error repeats little of it.
SELECT is(
    (
        SELECT string_agg(format('%s: %s', actor, left(message, 300)), E'\n')
        FROM (VALUES ('app'), ('superuser')) AS actors (actor)
        CROSS JOIN trial(actor, 'acme', 'ann', call(p.signature, p.argument, long), false)
        WHERE length(concat(message, hint)) >= 300
    ), NULL,
    format('%s: a megabyte of %s', p.proname, p.argument)
)
FROM published AS p
JOIN (VALUES
    (regtype 'text', 'repeat(''0123456789'', 104858)'),
    ('text[]', 'ARRAY[repeat(''0123456789'', 104858)]'),
    ('jsonb', 'to_jsonb(repeat(''0123456789'', 104858))')
) AS values (type, long) ON values.type = p.type::regtype
UNION ALL
SELECT is(
    (
        SELECT string_agg(format('%s: %s', actor, coalesce(left(message, 300), gave)), E'\n')
        FROM (VALUES ('service'), ('app')) AS actors (actor)
        CROSS JOIN trial(actor, 'acme', 'ann', format($$
            SELECT send_skill_messages(jsonb_build_array('{"from_user_id": "ann",
                "to_user_id": "ben", "subject_skill_id": "knots", "message": "Hello"}'::jsonb
                || jsonb_build_object(%s)))
        $$, pair), false)
        WHERE (length(concat(message, hint)) < 300) IS NOT TRUE OR gave IS NOT NULL
    ), NULL,
    'a megabyte in a batch: ' || pair
)
FROM (VALUES
    ('''id'', repeat(''0123456789'', 104858)'),
    ('''from_user_id'', repeat(''0123456789'', 104858)'),
    ('''to_user_id'', repeat(''0123456789'', 104858)'),
    ('''subject_skill_id'', repeat(''0123456789'', 104858)'),
    ('''message'', repeat(''0123456789'', 104858)'),
    ('''proposed_parent_skill_id'', repeat(''0123456789'', 104858)'),
    ('''odd'', repeat(''0123456789'', 104858)'),
    ('repeat(''0123456789'', 104858), ''odd'''),
    ('VARIADIC ARRAY(SELECT repeat(''0123456789'', 9) || n FROM generate_series(1, 10000) AS n)'),
    ('''message'', jsonb_build_array(repeat(''0123456789'', 104858))'),
    ('''message'', jsonb_build_object(repeat(''0123456789'', 104858), ''odd'')')
) AS pairs (pair);

-- What is repeated is cut to 100 characters.
SELECT is(complaint(actor, 'acme', 'ann', statement), expected,
    actor || ': ' || one_line(statement))
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ($$SELECT mark_message_read(repeat('é', 101))$$,
        format('SM002 message_id "%s": no such message', repeat('é', 100))),
    ($$SELECT id FROM get_skill_message(repeat('é', 101))$$,
        format('SM002 message_id "%s": no such message', repeat('é', 100))),
    ($$SELECT id FROM update_message_status(repeat('é', 101), 'accepted')$$,
        format('SM002 message_id "%s": no such message', repeat('é', 100))),
    ($$SELECT id FROM update_message_status('a2', repeat('é', 101))$$,
        format('23514 status "%s" is not a decision', repeat('é', 100))),
    ($$SELECT send_skill_message('ann', 'ben', 'knots', 'One', id => long), send_skill_message(
        'ann', 'ben', 'knots', 'Two', id => long) FROM repeat('é', 101) AS long$$,
        format('SM004 id "%s" is taken by a different message', repeat('é', 100))),
    ($$SELECT again.id FROM send_skill_message('ann', 'ann', 'knots', 'One', id => repeat('é',
        101)) AS sent, update_message_status(sent, 'declined') AS first,
        update_message_status(first.id, 'accepted') AS again$$,
        format('SM003 message_id "%s": already accepted or declined', repeat('é', 100)))
) AS calls (statement, expected);

-- The diagnostics of an error from another server, as under Citus, name neither constraint nor
-- column. Then its text does.
SELECT is(
    complaint('service', 'acme', 'ann', format(
        'SELECT skill_messages_private.raise_skill_message_violation(%L, %L, NULL)', violation, text
    )),
    expected, text
)
FROM (VALUES
    ('23502', 'null value in column "to_user_id" of relation "skill_messages_102008" violates …',
        '22023 to_user_id is null'),
    ('23502', 'null value in column "subject_skill_id" of relation "skill_messages_1" violates …',
        '22023 subject_skill_id is null'),
    ('23503', 'insert on table "skill_messages_102008" violates foreign key constraint '
        '"skill_messages_proposed_parent_skill_id_fkey_102008"',
        '23503 unknown proposed_parent_skill_id'),
    ('23514', 'new row for relation "skill_messages_102008" violates check constraint '
        '"skill_messages_tenant_id_check"', '23514 invalid tenant_id'),
    ('23514', 'status, read_at, answered_at, message: a new message is pending and unread, and not '
        '[erased]', '23514 invalid message'),
    ('23514', 'new row for relation "skill_messages_1" violates check constraint "of_the_host"',
        'no error: '),
    ('23505', 'duplicate key value violates unique constraint "skill_messages_pkey_1"',
        'no error: ')
) AS far (violation, text, expected);

SELECT * FROM finish();
ROLLBACK;
