-- The sent box: the messages that a user sent, page by page; the inbox seen from the other end.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(134);

\set box get_messages_from_user
\set named get_named_messages_from_user
\set mine from_user_id
\set other to_user_id
\set me ann
\set peer ben
\ir ../include/box.psql

-- Everybody has a sent box of their own.
SELECT is(
    attempt(actor, 'acme', id, format('SELECT id FROM get_messages_from_user(%L)', id)), expected,
    format('%s: the sent box of %s', actor, id)
)
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES ('ben', 'across a5 a3 a2'), ('cid', 'nothing')) AS users (id, expected);

-- What a user sends is in it, and stays when the recipient has answered.
SELECT is(act('app', 'acme', me, statement), expected, format('%s: %s', me, statement))
FROM (VALUES
    ('cid', $$SELECT send_skill_message('cid', 'ben', 'knots', 'Hello', id => 'fresh')$$, 'fresh'),
    ('cid', $$SELECT id FROM get_messages_from_user('cid')$$, 'fresh'),
    ('ben', $$SELECT id FROM update_message_status('fresh', 'declined')$$, 'fresh'),
    ('cid', $$SELECT id, status FROM get_messages_from_user('cid')$$, 'fresh,declined')
) AS story (me, statement, expected);

\ir ../include/many.psql

SELECT * FROM finish();
ROLLBACK;
