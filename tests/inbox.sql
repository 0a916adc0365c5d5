-- Reading: the messages that a user received, newest first, ties by id, page by page; and how many
-- are unread.

BEGIN;
\ir include/fixture.sql
SELECT plan(69);

-- Ben receives eleven messages more, in no order, some at the same microsecond. Ids sort by their
-- bytes: b10 is before b2, B is before a, é is after z.
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
    created_at)
VALUES
    ('b2', 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('z', 'acme', 'cid', 'ben', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('b10', 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('é', 'acme', 'cid', 'ben', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('B', 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('newest', 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-06-01 12:00:00.000001'),
    ('older', 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-06-01 11:59:59.999999'),
    ('a', 'acme', 'ben', 'ben', 'knots', 'To himself', '2026-06-01 12:00:00'),
    ('oldest', 'acme', 'ann', 'ben', 'knots', 'Hello', '0044-03-15 BC'),
    ('t2', 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-01-01'),
    ('t1', 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-01-01'),
    ('sent', 'acme', 'ben', 'ann', 'knots', 'Not received', '2026-06-01 12:00:00');

UPDATE skill_messages SET read_at = '2026-07-01' WHERE id IN ('z', 'oldest');

-- Page after page, as a caller does it: each continues after the last row of the one before. "|"
-- ends a page.
CREATE FUNCTION tap.pages(me text, size integer) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_row record;
    v_created_at timestamptz;
    v_id text;
    v_rows integer;
    v_pages text := '';
BEGIN
    FOR i IN 1 .. 20 LOOP
        v_rows := 0;
        FOR v_row IN SELECT m.id,
            m.created_at FROM get_messages_for_user(me, size, v_created_at, v_id) AS m LOOP
            v_rows := v_rows + 1;
            v_pages := v_pages || v_row.id || ' ';
            v_created_at := v_row.created_at;
            v_id := v_row.id;
        END LOOP;
        EXIT WHEN v_rows < size;
        v_pages := v_pages || '| ';
    END LOOP;

    RETURN rtrim(v_pages);
END;
$$;

-- The order is the function's own: it is not left to the plan, so it must be the same with and
-- without indexes.
SET LOCAL plan_cache_mode = force_custom_plan;

PREPARE paging (text) AS
SELECT is(
    attempt(actor, 'acme', 'ben', format('SELECT tap.pages(''ben'', %s)', size)), expected,
    format('%s, pages of %s, %s', actor, size, $1)
)
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    (1, 'newest | é | z | b2 | b10 | a | B | older | a4 | t2 | t1 | a1 | oldest |'),
    (2, 'newest é | z b2 | b10 a | B older | a4 t2 | t1 a1 | oldest'),
    (3, 'newest é z | b2 b10 a | B older a4 | t2 t1 a1 | oldest'),
    (4, 'newest é z b2 | b10 a B older | a4 t2 t1 a1 | oldest'),
    (12, 'newest é z b2 b10 a B older a4 t2 t1 a1 | oldest'),
    (13, 'newest é z b2 b10 a B older a4 t2 t1 a1 oldest |'),
    (1000, 'newest é z b2 b10 a B older a4 t2 t1 a1 oldest')
) AS sizes (size, expected);

SET LOCAL enable_seqscan = off;
EXECUTE paging('by an index');
SET LOCAL enable_seqscan = on;

SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
EXECUTE paging('by a sort');
SET LOCAL enable_indexscan = on;
SET LOCAL enable_bitmapscan = on;

-- No ORDER BY around the function here: rows must come as they are.
SELECT is(attempt('app', 'acme', me, statement), expected, format('%s: %s', me, statement))
FROM (VALUES
    ('ann', 'SELECT id FROM get_messages_for_user(''ann'')', 'sent a5 a2'),
    ('cid', 'SELECT id FROM get_messages_for_user(user_id => ''cid'')', 'a3'),
    ('ben', 'SELECT id FROM get_messages_for_user(''ben'', 2)', 'newest é'),
    ('ben', 'SELECT id FROM get_messages_for_user(''ben'', max_messages => 1)', 'newest'),

    -- A position needs no row of its own: the pages go on when the last message of a page was
    -- deleted.
    ('ben', 'SELECT id FROM get_messages_for_user(''ben'', 2, ''2026-06-01 12:00:00'', ''c'')',
        'b2 b10'),
    ('ben', 'SELECT id FROM get_messages_for_user(''ben'', 2, ''2026-06-01 12:00:00'', '''')',
        'older a4'),
    ('ben', 'SELECT id FROM get_messages_for_user(''ben'', 2, ''2026-06-01 12:00:00'', ''B'')',
        'older a4'),
    ('ben', 'SELECT id FROM get_messages_for_user(''ben'', 2, ''2026-03-01'', ''anything'')',
        'a4 t2'),
    ('ben',
        'SELECT id FROM get_messages_for_user(''ben'', 1, before_id => ''x'', '
        'before_created_at => ''infinity'')',
        'newest'),

    -- The end.
    ('ben', 'SELECT id FROM get_messages_for_user(''ben'', 2, ''0044-03-15 BC'', ''oldest'')',
        'nothing'),
    ('ben', 'SELECT id FROM get_messages_for_user(''ben'', 2, ''-infinity'', ''z'')', 'nothing')
) AS calls (me, statement, expected);

-- Service asks for anybody in the tenant; for a user who is absent or elsewhere there is nothing,
-- no error.
SELECT is(attempt('service', 'acme', '', statement), expected, statement)
FROM (VALUES
    ('SELECT id FROM get_messages_for_user(''ann'')', 'sent a5 a2'),
    ('SELECT id FROM get_messages_for_user(''cid'')', 'a3'),
    ('SELECT id FROM get_messages_for_user(''gus'')', 'nothing'),
    ('SELECT id FROM get_messages_for_user(''absent'')', 'nothing'),
    ('SELECT id FROM get_messages_for_user('''')', 'nothing'),
    ('SELECT get_unread_count_for_user(''ann'')', '2'),
    ('SELECT get_unread_count_for_user(''cid'')', '1'),
    ('SELECT get_unread_count_for_user(''gus'')', '0'),
    ('SELECT get_unread_count_for_user(''absent'')', '0'),
    ('SELECT get_unread_count_for_user('''')', '0')
) AS calls (statement, expected);

-- All ten columns come back, each as it is stored.
SELECT is(
    attempt('app', 'acme', 'ben',
        'SELECT to_jsonb(m) FROM get_messages_for_user(''ben'', 1000) AS m WHERE id = ''a4'''),
    (SELECT to_jsonb(m)::text FROM skill_messages AS m WHERE id = 'a4'),
    'a message that was read and accepted comes back whole'
);

-- The unread count: of thirteen received, ten are unread.
SELECT is(attempt(actor, 'acme', 'ben', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ('SELECT get_unread_count_for_user(''ben'')', '10'),
    ('SELECT get_unread_count_for_user(user_id => ''ben'', at_most => NULL)', '10'),
    ('SELECT get_unread_count_for_user(''ben'', at_most => 1)', '1'),
    ('SELECT get_unread_count_for_user(''ben'', 9)', '9'),
    ('SELECT get_unread_count_for_user(''ben'', 10)', '10'),
    ('SELECT get_unread_count_for_user(''ben'', 11)', '10'),
    ('SELECT get_unread_count_for_user(''ben'', 9223372036854775807)', '10')
) AS calls (statement, expected);

-- A page is 50 unless asked otherwise, and 1000 at most.
INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT 'acme', 'ann', 'cid', 'knots', 'Many' FROM generate_series(1, 1000);

SELECT is(attempt('app', 'acme', 'cid', statement), expected, statement)
FROM (VALUES
    ('SELECT count(*) FROM get_messages_for_user(''cid'')', '50'),
    ('SELECT count(*) FROM get_messages_for_user(''cid'', 51)', '51'),
    ('SELECT count(*) FROM get_messages_for_user(''cid'', 1000)', '1000'),
    ('SELECT get_unread_count_for_user(''cid'')', '1001'),
    ('SELECT get_unread_count_for_user(''cid'', 100)', '100')
) AS calls (statement, expected);

SELECT * FROM finish();
ROLLBACK;
