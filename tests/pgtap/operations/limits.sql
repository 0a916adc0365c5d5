-- Both ends of what is allowed: the first value and the last one are, the next one is not. They are
-- asked of the private functions that check them, too: an operation asks these only where something
-- is unusual.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(64);

SELECT is(
    attempt(actor, 'acme', me, format('SELECT count(*) FROM %s(''ann'', %s)', box, size)),
    CASE WHEN size BETWEEN 1 AND 1000 THEN least(size, 2)::text ELSE '22023' END,
    format('%s as %L: %s messages of %s', actor, me, size, box)
)
FROM (VALUES ('app', 'ann'), ('service', ''), ('service', 'ben')) AS actors (actor, me)
CROSS JOIN (VALUES
    ('get_messages_for_user'), ('get_messages_from_user'), ('get_named_messages_for_user'),
    ('get_named_messages_from_user')
) AS boxes (box)
CROSS JOIN (VALUES (0), (1), (1000), (1001)) AS sizes (size);

SELECT is(
    attempt('service', 'acme', 'ann', statement), expected, one_line(statement)
)
FROM (VALUES
    ('SELECT get_unread_count_for_user(''ben'', 1)', '1'),
    ('SELECT mark_messages_read(message_ids => array_fill(text ''a2'', ''{1000}''))', '1'),
    ('SELECT mark_messages_read(message_ids => array_fill(text ''a2'', ''{1001}''))', '22023'),
    ('SELECT mark_messages_read(message_ids => ''{}'')', '0'),
    ('SELECT skill_messages_private.check_skill_message_batch(''[]'')', '22023'),
    ('SELECT skill_messages_private.check_skill_message_batch(''[{}]'')', ''),
    ('SELECT skill_messages_private.check_skill_message_batch(jsonb_agg(''{}''::jsonb))
        FROM generate_series(1, 1000)', ''),
    ('SELECT skill_messages_private.check_skill_message_batch(jsonb_agg(''{}''::jsonb))
        FROM generate_series(1, 1001)', '22023')
) AS calls (statement, expected);

-- A tenant and a user of 255 bytes each, and no more.
SELECT is(
    attempt('service', '', '', format('SELECT set_skill_message_context(repeat(''x'', %s), '
        'repeat(''é'', %s) || ''x'')', tenant, pairs)), expected,
    format('a context of %s and %s bytes', tenant, 2 * pairs + 1)
)
FROM (VALUES (255, 127, ''), (256, 127, '22023')) AS contexts (tenant, pairs, expected);

-- Ids of any collation, as a host's columns may have them.
SELECT is(
    attempt('service', 'acme', 'ann', statement), expected, statement
)
FROM (VALUES
    ('SELECT id FROM get_skill_message(''a1'' COLLATE "C")', 'a1'),
    ('SELECT mark_message_read(''a5'' COLLATE "C") IS NULL', 'false'),
    ('SELECT mark_messages_read(''ann'', message_ids => ARRAY[''a2'' COLLATE "C"])', '1'),
    ('SELECT id FROM update_message_status(''a2'' COLLATE "C", ''accepted'')', 'a2'),
    ('SELECT id FROM update_message_status(''a5'' COLLATE "C", ''accepted'')', 'SM003'),
    ('SELECT send_skill_message(''ann'', ''ben'', ''knots'', ''Mine under yours?'', ''ropes'', '
        '''a1'' COLLATE "C")', 'a1')
) AS calls (statement, expected);

SELECT * FROM finish();
ROLLBACK;
