-- Reading: the messages that a user received, page by page; and how many are unread.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(169);

\set box get_messages_for_user
\set named get_named_messages_for_user
\set mine to_user_id
\set other from_user_id
\set me ben
\set peer ann
\ir ../include/box.psql

-- Everybody has an inbox of their own.
SELECT is(
    attempt(actor, 'acme', id, format('SELECT id FROM get_messages_for_user(%L)', id)), expected,
    format('%s: the inbox of %s', actor, id)
)
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES ('ann', 'across a5 a2'), ('cid', 'a3')) AS users (id, expected);

-- The unread count: of thirteen received, ten are unread.
SELECT is(attempt(actor, 'acme', 'ben', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ('SELECT get_unread_count_for_user(''ben'')', '10'),
    ('SELECT get_unread_count_for_user(''ben'' COLLATE "POSIX")', '10'),
    ('SELECT get_unread_count_for_user(user_id => ''ben'', at_most => NULL)', '10'),
    ('SELECT get_unread_count_for_user(''ben'', at_most => 1)', '1'),
    ('SELECT get_unread_count_for_user(''ben'', 9)', '9'),
    ('SELECT get_unread_count_for_user(''ben'', 10)', '10'),
    ('SELECT get_unread_count_for_user(''ben'', 11)', '10'),
    ('SELECT get_unread_count_for_user(''ben'', 9223372036854775807)', '10'),

    -- Left out, the user is the one in the context.
    ('SELECT get_unread_count_for_user()', '10'),
    ('SELECT get_unread_count_for_user(NULL, 9)', '9'),
    ('SELECT get_unread_count_for_user(at_most => 9)', '9')
) AS calls (statement, expected);

SELECT is(
    complaint(actor, 'acme', context, 'SELECT get_unread_count_for_user()'), expected,
    format('%s with user %L in the context, none given', actor, context)
)
FROM (VALUES
    ('service', 'ann', 'no error: 2'), ('app', 'ann', 'no error: 2'),
    ('both', 'ann', 'no error: 2'), ('superuser', 'ann', 'no error: 2'),
    ('service', 'absent', 'no error: 0'),
    ('service', '', '22023 user_id is null'), ('service', NULL, '22023 user_id is null'),
    ('superuser', '', '22023 user_id is null'),
    ('app', '', 'SM001 app.current_user_id: no user in the context'),
    ('both', NULL, 'SM001 app.current_user_id: no user in the context')
) AS callers (actor, context, expected);

SELECT is(attempt('service', 'acme', '', statement), expected, statement)
FROM (VALUES
    ('SELECT get_unread_count_for_user(''ann'')', '2'),
    ('SELECT get_unread_count_for_user(''cid'')', '1'),
    ('SELECT get_unread_count_for_user(''gus'')', '0'),
    ('SELECT get_unread_count_for_user(''absent'')', '0'),
    ('SELECT get_unread_count_for_user('''')', '0')
) AS calls (statement, expected);

\ir ../include/many.psql

SELECT is(attempt('app', 'acme', 'cid', statement), expected, statement)
FROM (VALUES
    ('SELECT get_unread_count_for_user(''cid'')', '1002'),
    ('SELECT get_unread_count_for_user(''cid'', 100)', '100')
) AS calls (statement, expected);

SELECT * FROM finish();
ROLLBACK;
