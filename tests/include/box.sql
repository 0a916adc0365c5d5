-- What the inbox and the sent box promise alike: a user's messages, newest first, ties by id, page
-- by page. The including file says which box it is:
--   box          the function
--   mine, other  the column of the user whose box it is, and that of the other end
--   me, peer     a user whose box holds a1 and a4 of the fixture, and who is at their other end

-- Eleven messages more, in no order, some at the same microsecond. Ids sort by their bytes: b10 is
-- before b2, B is before a, é is after z.
INSERT INTO skill_messages (id, tenant_id, :other, :mine, subject_skill_id, message, created_at)
VALUES
    ('b2', 'acme', :'peer', :'me', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('z', 'acme', 'cid', :'me', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('b10', 'acme', :'peer', :'me', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('é', 'acme', 'cid', :'me', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('B', 'acme', :'peer', :'me', 'knots', 'Hello', '2026-06-01 12:00:00'),
    ('newest', 'acme', :'peer', :'me', 'knots', 'Hello', '2026-06-01 12:00:00.000001'),
    ('older', 'acme', :'peer', :'me', 'knots', 'Hello', '2026-06-01 11:59:59.999999'),
    ('a', 'acme', :'me', :'me', 'knots', 'Within one head', '2026-06-01 12:00:00'),
    ('oldest', 'acme', :'peer', :'me', 'knots', 'Hello', '0044-03-15 BC'),
    ('t2', 'acme', :'peer', :'me', 'knots', 'Hello', '2026-01-01'),
    ('t1', 'acme', :'peer', :'me', 'knots', 'Hello', '2026-01-01'),
    ('across', 'acme', :'me', :'peer', 'knots', 'The other way', '2026-06-01 12:00:00');

UPDATE skill_messages SET read_at = '2026-07-01' WHERE id IN ('z', 'oldest');

-- Page after page, as a caller does it: each continues after the last row of the one before. "|"
-- ends a page.
CREATE FUNCTION tap.pages(box text, me text, size integer) RETURNS text
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
        FOR v_row IN EXECUTE format('SELECT m.id, m.created_at FROM %I($1, $2, $3, $4) AS m', box)
            USING me, size, v_created_at, v_id
        LOOP
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
    attempt(actor, 'acme', :'me', format('SELECT tap.pages(%L, %L, %s)', :'box', :'me', size)),
    expected, format('%s, pages of %s, %s', actor, size, $1)
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
SELECT is(attempt('app', 'acme', :'me', statement), expected, statement)
FROM (VALUES
    ('%L, 2', 'newest é'),
    ('%L, max_messages => 1', 'newest'),
    ('max_messages => 1, user_id => %L', 'newest'),

    -- A position needs no row of its own: the pages go on when the last message of a page was
    -- deleted.
    ('%L, 2, ''2026-06-01 12:00:00'', ''c''', 'b2 b10'),
    ('%L, 2, ''2026-06-01 12:00:00'', ''''', 'older a4'),
    ('%L, 2, ''2026-06-01 12:00:00'', ''B''', 'older a4'),
    ('%L, 2, ''2026-03-01'', ''anything''', 'a4 t2'),
    ('%L, 1, before_id => ''x'', before_created_at => ''infinity''', 'newest'),

    -- The caller's collation is none of the function's business.
    ('%L, 2, ''2026-06-01 12:00:00'', ''c'' COLLATE "POSIX"', 'b2 b10'),
    ('%L COLLATE "POSIX", 2', 'newest é'),

    -- The end.
    ('%L, 2, ''0044-03-15 BC'', ''oldest''', 'nothing'),
    ('%L, 2, ''-infinity'', ''z''', 'nothing')
) AS calls (arguments, expected)
CROSS JOIN LATERAL
format('SELECT id FROM %I(%s)', :'box', format(arguments, :'me')) AS statement;

-- Service asks for anybody in the tenant; for a user who is absent or elsewhere there is nothing,
-- no error.
SELECT is(attempt('service', 'acme', '', statement), 'nothing', statement)
FROM (VALUES ('gus'), ('absent'), ('')) AS users (id)
CROSS JOIN LATERAL format('SELECT id FROM %I(%L)', :'box', id) AS statement;

-- All but the time of the answer, each as it is stored.
SELECT is(
    attempt('app', 'acme', :'me', format(
        'SELECT to_jsonb(m) FROM %I(%L, 1000) AS m WHERE id = ''a4''', :'box', :'me')),
    (SELECT (to_jsonb(m) - 'answered_at')::text FROM skill_messages AS m WHERE id = 'a4'),
    'a message that was read and accepted comes back whole'
);
