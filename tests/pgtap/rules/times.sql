-- The times of a message: from 1970 on, whole milliseconds, cut and not rounded, and never ahead of
-- the server's clock. A time outside its bounds is moved into them, since the clocks of application
-- servers are off; only one before 1970 is refused. Whoever writes, and by whatever way.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(867);

CALL set_triggers_aside();

-- The time that a statement gives, in UTC: "clock" if it is that of the server's clock while the
-- statement ran, cut to the millisecond, "5 minutes ago" likewise.
CREATE FUNCTION stored(actor text, me text, statement text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_from timestamptz := date_trunc('milliseconds', clock_timestamp());
    v_gave text := attempt(actor, 'acme', me, statement);
    v_to timestamptz := clock_timestamp();
    v_time timestamptz;
BEGIN
    IF v_gave !~ '^\d{4}-\d\d-\d\dT' THEN
        RETURN v_gave;
    END IF;

    v_time := v_gave;
    RETURN CASE
        WHEN v_time <> date_trunc('milliseconds', v_time)
            THEN 'finer than a millisecond: ' || v_gave
        WHEN v_time BETWEEN v_from AND v_to THEN 'clock'
        WHEN v_time + interval '5 minutes' BETWEEN v_from AND v_to THEN '5 minutes ago'
        ELSE to_char(v_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')
    END;
END;
$$;

-- Birth: what a direct INSERT says, and what is stored. A rounded time could lie ahead of the
-- clock.
PREPARE births (text) AS
SELECT is(
    stored(actor, 'ann', format($$
        WITH born AS (
            INSERT INTO skill_messages
                (tenant_id, from_user_id, to_user_id, subject_skill_id, message, created_at)
            VALUES ('acme', 'ann', 'ben', 'knots', 'Hello', %s) RETURNING created_at
        ) SELECT created_at FROM born
    $$, written)),
    CASE actor WHEN 'app' THEN '42501' ELSE stored END,
    format('%s: %s inserts a message created at %s', $1, actor, written)
)
FROM (VALUES ('service'), ('both'), ('superuser'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    -- As it is.
    ('''2026-01-01 12:00+00''', '2026-01-01 12:00:00.000'),
    ('''2026-01-01 12:00:00.123+00''', '2026-01-01 12:00:00.123'),
    ('''1970-01-01 00:00:00+00''', '1970-01-01 00:00:00.000'),
    ('''1970-01-01 05:45:00+05:45''', '1970-01-01 00:00:00.000'),
    ('''1970-01-01 00:00:00.001+00''', '1970-01-01 00:00:00.001'),

    -- Cut.
    ('''2026-01-01 12:00:00.123456+00''', '2026-01-01 12:00:00.123'),
    ('''2026-01-01 12:00:00.1239+00''', '2026-01-01 12:00:00.123'),
    ('''2026-01-01 11:59:59.9999+00''', '2026-01-01 11:59:59.999'),
    ('''2025-12-31 23:59:59.999999+00''', '2025-12-31 23:59:59.999'),
    ('''1999-12-31 23:59:59.9999+00''', '1999-12-31 23:59:59.999'),
    ('''1970-01-01 00:00:00.000999+00''', '1970-01-01 00:00:00.000'),
    -- The hour that there is twice in Berlin.
    ('''2025-10-26 00:30:00.1239+00''', '2025-10-26 00:30:00.123'),
    ('''2025-10-26 01:30:00.1239+00''', '2025-10-26 01:30:00.123'),

    -- Moved back to the clock.
    ('clock_timestamp()', 'clock'),
    ('clock_timestamp() + interval ''1 millisecond''', 'clock'),
    ('clock_timestamp() + interval ''0.5 seconds''', 'clock'),
    ('clock_timestamp() + interval ''5 minutes''', 'clock'),
    ('''9999-12-31 23:59:59.999+00''', 'clock'),
    ('''294276-12-31 23:59:59.999999+00''', 'clock'),
    ('''infinity''', 'clock'),

    -- Behind, a clock may be as far as it likes, down to 1970.
    ('clock_timestamp() - interval ''5 minutes''', '5 minutes ago'),
    ('''1969-12-31 23:59:59.999999+00''', '23514'),
    ('''1969-12-31 23:59:59.9999+00''', '23514'),
    ('''1969-01-01''', '23514'),
    ('''0001-01-01''', '23514'),
    ('''0044-03-15 BC''', '23514'),
    ('''4714-11-24 00:00:00+00 BC''', '23514'),
    ('''-infinity''', '23514'),
    ('NULL', '23502')
) AS times (written, stored);

-- Whatever the time zone of the session.
EXECUTE births ('UTC');
SET LOCAL timezone = 'Europe/Berlin';
EXECUTE births ('Europe/Berlin');
SET LOCAL timezone = 'Asia/Kathmandu';
EXECUTE births ('Asia/Kathmandu');
SET LOCAL timezone = 'America/Los_Angeles';
EXECUTE births ('America/Los_Angeles');
SET LOCAL timezone = 'UTC';

-- Unsaid, it is the start of the transaction, whoever sends and by whatever way.
CREATE TEMP TABLE sending AS
SELECT actor, way, format('%s by %s', way, actor) AS id, format(statement,
    format('%s by %s', way, actor)) AS statement
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('send_skill_message', 'SELECT send_skill_message(''ann'', ''ben'', ''knots'', ''Hello'', '
        'id => %L)'),
    ('send_skill_messages', 'SELECT array_to_string(send_skill_messages(jsonb_build_array('
        'jsonb_build_object(''from_user_id'', ''ann'', ''to_user_id'', ''ben'', '
        '''subject_skill_id'', ''knots'', ''message'', ''Hello'', ''id'', text %L))), '' '')'),
    ('INSERT', 'WITH sent AS (INSERT INTO skill_messages '
        '(tenant_id, from_user_id, to_user_id, subject_skill_id, message, id) '
        'VALUES (''acme'', ''ann'', ''ben'', ''knots'', ''Hello'', %L) RETURNING id) '
        'SELECT id FROM sent')
) AS ways (way, statement);

SELECT is(act(actor, 'acme', 'ann', statement), id, format('%s sends: %s', actor, way))
FROM sending;

SELECT is(
    (SELECT created_at FROM fixture_messages WHERE id = s.id), date_trunc('milliseconds', now()),
    format('%s: sent at the start of the transaction', s.id)
)
FROM sending AS s;

-- Reading. "old" is from January, "epoch" as old as can be, and "young" younger than this
-- transaction, as is every message that a long transaction waits for.
INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message, created_at)
VALUES
    ('old', 'acme', 'ann', 'ben', 'knots', 'Hello', '2026-01-01 12:00:00.123'),
    ('epoch', 'acme', 'ann', 'ben', 'knots', 'Hello', '1970-01-01'),
    ('young', 'acme', 'ann', 'ben', 'knots', 'Hello', clock_timestamp());

-- Until its time is no longer what the clock says.
DO 'BEGIN PERFORM pg_sleep(0.002); END';

SELECT cmp_ok(
    (SELECT created_at FROM fixture_messages WHERE id = 'young'), '>', now(),
    'there is a message that is younger than this transaction'
);

SELECT is(
    stored(actor, 'ben', format('WITH u AS (UPDATE skill_messages SET read_at = %s '
        'WHERE id = %L RETURNING read_at) SELECT read_at FROM u', written, id)),
    CASE stored
        WHEN 'created' THEN to_char(m.created_at, 'YYYY-MM-DD HH24:MI:SS.MS')
        WHEN 'transaction' THEN
            to_char(date_trunc('milliseconds', now()), 'YYYY-MM-DD HH24:MI:SS.MS')
        ELSE stored
    END,
    format('%s says that %s was read at %s', actor, id, written)
)
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('old', 'NULL', 'null'),

    -- Not before it was sent.
    ('old', '''-infinity''', 'created'),
    ('old', '''4714-11-24 00:00:00+00 BC''', 'created'),
    ('old', '''0044-03-15 BC''', 'created'),
    ('old', '''1969-12-31 23:59:59.999999+00''', 'created'),
    ('old', '''1970-01-01 00:00:00+00''', 'created'),
    ('old', '''2026-01-01 12:00:00.122+00''', 'created'),
    ('old', '''2026-01-01 12:00:00.122999+00''', 'created'),
    ('old', '''2026-01-01 12:00:00.123+00''', 'created'),
    ('old', '''2026-01-01 12:00:00.123999+00''', 'created'),
    ('epoch', '''-infinity''', '1970-01-01 00:00:00.000'),
    ('epoch', '''1969-12-31 23:59:59.999999+00''', '1970-01-01 00:00:00.000'),
    ('epoch', '''1970-01-01 00:00:00+00''', '1970-01-01 00:00:00.000'),
    ('epoch', '''1970-01-01 00:00:00.0009+00''', '1970-01-01 00:00:00.000'),
    ('epoch', '''1970-01-01 00:00:00.001+00''', '1970-01-01 00:00:00.001'),
    ('young', '''-infinity''', 'created'),
    ('young', '''1970-01-01 00:00:00+00''', 'created'),
    ('young', 'now()', 'created'),
    ('young', 'clock_timestamp() - interval ''5 minutes''', 'created'),

    -- Cut.
    ('old', '''2026-01-01 12:00:00.124+00''', '2026-01-01 12:00:00.124'),
    ('old', '''2026-01-01 12:00:00.1249+00''', '2026-01-01 12:00:00.124'),
    ('old', '''2026-01-01 12:00:01.9999+00''', '2026-01-01 12:00:01.999'),
    ('old', '''2026-01-01 23:59:59.999999+00''', '2026-01-01 23:59:59.999'),
    ('old', 'now()', 'transaction'),

    -- Not ahead of the clock.
    ('old', 'clock_timestamp()', 'clock'),
    ('old', 'clock_timestamp() + interval ''1 millisecond''', 'clock'),
    ('old', 'clock_timestamp() + interval ''0.5 seconds''', 'clock'),
    ('old', 'clock_timestamp() + interval ''5 minutes''', 'clock'),
    ('old', '''9999-12-31 23:59:59.999+00''', 'clock'),
    ('old', '''294276-12-31 23:59:59.999999+00''', 'clock'),
    ('old', '''infinity''', 'clock'),
    ('epoch', '''infinity''', 'clock'),
    ('young', 'clock_timestamp() + interval ''5 minutes''', 'clock'),
    ('young', '''infinity''', 'clock'),
    ('old', 'clock_timestamp() - interval ''5 minutes''', '5 minutes ago')
) AS times (id, written, stored)
JOIN fixture_messages AS m USING (id);

-- By the function: the start of the transaction, but not before it was sent.
SELECT is(
    stored(actor, 'ben', format('SELECT mark_message_read(%L)', m.id)),
    to_char(greatest(m.created_at, date_trunc('milliseconds', now())),
        'YYYY-MM-DD HH24:MI:SS.MS'),
    format('%s marks %s read', actor, m.id)
)
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (SELECT * FROM fixture_messages WHERE id IN ('old', 'epoch', 'young')) AS m;

-- What a statement gives, and how a message stands then; undone.
CREATE FUNCTION times_after(actor text, statement text, message_id text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_gave text;
    v_times text;
BEGIN
    BEGIN
        v_gave := act(actor, 'acme', 'ben', statement);
        SELECT concat_ws(', ', v_gave, m.status,
            'created ' || coalesce(to_char(m.created_at, 'YYYY-MM-DD HH24:MI:SS.US'), 'never'),
            'read ' || coalesce(to_char(m.read_at, 'YYYY-MM-DD HH24:MI:SS.US'), 'never'),
            'answered ' || coalesce(to_char(m.answered_at, 'YYYY-MM-DD HH24:MI:SS.US'), 'never'))
        INTO v_times
        FROM skill_messages AS m
        WHERE m.id = message_id AND m.tenant_id = 'acme';
        RAISE SQLSTATE 'UNDO1';
    EXCEPTION
        WHEN SQLSTATE 'UNDO1' THEN
            NULL;
    END;

    RETURN v_times;
END;
$$;

-- mark_messages_read() and the decisions, of which the table itself notes the time.
SELECT is(
    times_after(actor, statement, m.id),
    format('%s, %s, created %s, read %s, answered %s', gives, became, created,
        CASE reads WHEN 'noted' THEN noted WHEN 'created' THEN created ELSE 'never' END,
        CASE WHEN became <> 'pending' THEN noted ELSE 'never' END),
    format('%s on %s: %s', actor, m.id, statement)
)
FROM (VALUES ('service'), ('app'), ('both'), ('superuser')) AS actors (actor)
CROSS JOIN (SELECT * FROM fixture_messages WHERE id IN ('old', 'epoch', 'young')) AS m
CROSS JOIN LATERAL (
    SELECT to_char(m.created_at, 'YYYY-MM-DD HH24:MI:SS.US'),
        to_char(greatest(m.created_at, date_trunc('milliseconds', now())),
            'YYYY-MM-DD HH24:MI:SS.US')
) AS times (created, noted)
CROSS JOIN LATERAL (VALUES
    (format('SELECT mark_messages_read(''ben'', message_ids => ''{%s}'')', m.id), '1', 'pending',
        'noted'),
    (format('SELECT new_status FROM update_message_status(%L, ''accepted'')', m.id), 'accepted',
        'accepted', 'never'),
    (format('UPDATE skill_messages SET status = ''declined'' WHERE id = %L', m.id), '1 rows',
        'declined', 'never'),
    (format('UPDATE skill_messages SET status = ''accepted'', read_at = now() WHERE id = %L',
        m.id), '1 rows', 'accepted', 'noted'),
    (format('UPDATE skill_messages SET status = ''declined'', read_at = ''-infinity'' '
        'WHERE id = %L', m.id), '1 rows', 'declined', 'created'),
    (format('UPDATE skill_messages SET status = ''pending'' WHERE id = %L', m.id), '1 rows',
        'pending', 'never')
) AS statements (statement, gives, became, reads);

-- The time of an answer is no caller's to say.
SELECT is(attempt(actor, 'acme', 'ben', format(template, time)), expected,
    format('%s: ' || template, actor, time))
FROM (VALUES ('service', '42501'), ('app', '42501'), ('superuser', '23514')) AS actors (actor,
    expected)
CROSS JOIN (VALUES
    ('UPDATE skill_messages SET status = ''accepted'', answered_at = %L WHERE id = ''old'''),
    ('UPDATE skill_messages SET answered_at = %L WHERE id = ''a4''')
) AS statements (template)
CROSS JOIN (VALUES ('2026-03-01'), ('infinity'), ('-infinity'), ('1970-01-01')) AS times (time);

-- Messages of a table that was adopted, and so no trigger has seen them: finer than a millisecond,
-- ahead of the clock, decided at a time that nobody knows. Nobody is kept from reading or answering
-- them, and what stands there stays.
CREATE FUNCTION adopt(id text, status text, created_at text, read_at text, answered_at text)
RETURNS text
LANGUAGE plpgsql
SET session_replication_role = replica
AS $$
DECLARE
    v_constraint text;
BEGIN
    INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
        status, created_at, read_at, answered_at)
    VALUES (id, 'acme', 'ann', 'ben', 'knots', 'Hello', status, created_at::timestamptz,
        read_at::timestamptz, answered_at::timestamptz);
    RETURN 'stored';
EXCEPTION
    WHEN check_violation THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        RETURN v_constraint;
END;
$$;

SELECT is(adopt(id, status, created_at, read_at, answered_at), 'stored', 'adopted: ' || id)
FROM (VALUES
    ('fine', 'pending', '2026-01-01 12:00:00.123456', NULL, NULL),
    ('fine read', 'pending', '2026-01-01 12:00:00.123456', '2026-01-01 12:00:00.123456', NULL),
    ('ahead', 'pending', '2999-01-01', NULL, NULL),
    ('ahead read', 'pending', '2026-01-01', '2999-01-01', NULL),
    ('decided', 'accepted', '2026-01-01', '2026-01-02', '2026-01-03 00:00:00.123456'),
    ('decided once', 'declined', '2026-01-01', NULL, NULL)
) AS adopted (id, status, created_at, read_at, answered_at);

SELECT is(
    times_after(actor, statement, id),
    concat_ws(', ', gives, format(times, to_char(date_trunc('milliseconds', now()),
        'YYYY-MM-DD HH24:MI:SS.US'))),
    format('%s on "%s": %s', actor, id, statement)
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('fine', 'UPDATE skill_messages SET read_at = created_at WHERE id = ''fine''', '1 rows',
        'pending, created 2026-01-01 12:00:00.123456, read 2026-01-01 12:00:00.123456, '
        'answered never'),
    ('fine', 'UPDATE skill_messages SET read_at = ''2026-01-01 12:00:00.124999'' '
        'WHERE id = ''fine''', '1 rows',
        'pending, created 2026-01-01 12:00:00.123456, read 2026-01-01 12:00:00.124000, '
        'answered never'),
    ('fine', 'UPDATE skill_messages SET status = ''accepted'' WHERE id = ''fine''', '1 rows',
        'accepted, created 2026-01-01 12:00:00.123456, read never, answered %s'),
    ('fine read', 'UPDATE skill_messages SET read_at = now() WHERE id = ''fine read''', '1 rows',
        'pending, created 2026-01-01 12:00:00.123456, read 2026-01-01 12:00:00.123456, '
        'answered never'),
    ('fine read', 'UPDATE skill_messages SET status = ''accepted'' WHERE id = ''fine read''',
        '1 rows',
        'accepted, created 2026-01-01 12:00:00.123456, read 2026-01-01 12:00:00.123456, '
        'answered %s'),
    ('ahead', 'SELECT mark_message_read(''ahead'')', '2999-01-01T00:00:00+00:00',
        'pending, created 2999-01-01 00:00:00.000000, read 2999-01-01 00:00:00.000000, '
        'answered never'),
    ('ahead', 'UPDATE skill_messages SET read_at = clock_timestamp() WHERE id = ''ahead''',
        '1 rows',
        'pending, created 2999-01-01 00:00:00.000000, read 2999-01-01 00:00:00.000000, '
        'answered never'),
    ('ahead', 'UPDATE skill_messages SET read_at = ''infinity'' WHERE id = ''ahead''', '1 rows',
        'pending, created 2999-01-01 00:00:00.000000, read 2999-01-01 00:00:00.000000, '
        'answered never'),
    ('ahead', 'SELECT new_status FROM update_message_status(''ahead'', ''declined'')', 'declined',
        'declined, created 2999-01-01 00:00:00.000000, read never, '
        'answered 2999-01-01 00:00:00.000000'),
    ('ahead read', 'SELECT mark_message_read(''ahead read'')', '2999-01-01T00:00:00+00:00',
        'pending, created 2026-01-01 00:00:00.000000, read 2999-01-01 00:00:00.000000, '
        'answered never'),
    ('ahead read', 'UPDATE skill_messages SET status = ''accepted'', read_at = now() '
        'WHERE id = ''ahead read''', '1 rows',
        'accepted, created 2026-01-01 00:00:00.000000, read 2999-01-01 00:00:00.000000, '
        'answered %s'),
    -- Said again, a decision keeps its time, or none.
    ('decided', 'UPDATE skill_messages SET status = ''accepted'' WHERE id = ''decided''', '1 rows',
        'accepted, created 2026-01-01 00:00:00.000000, read 2026-01-02 00:00:00.000000, '
        'answered 2026-01-03 00:00:00.123456'),
    ('decided', 'UPDATE skill_messages SET status = ''accepted'', read_at = NULL '
        'WHERE id = ''decided''', '1 rows',
        'accepted, created 2026-01-01 00:00:00.000000, read 2026-01-02 00:00:00.000000, '
        'answered 2026-01-03 00:00:00.123456'),
    ('decided', 'UPDATE skill_messages SET status = ''declined'' WHERE id = ''decided''', 'SM003',
        'accepted, created 2026-01-01 00:00:00.000000, read 2026-01-02 00:00:00.000000, '
        'answered 2026-01-03 00:00:00.123456'),
    ('decided once', 'UPDATE skill_messages SET status = ''declined'', read_at = ''2026-01-02'' '
        'WHERE id = ''decided once''', '1 rows',
        'declined, created 2026-01-01 00:00:00.000000, read 2026-01-02 00:00:00.000000, '
        'answered never')
) AS changes (id, statement, gives, times);

-- Erasing a text and deleting the proposed parent leave all times as they are.
SELECT is(
    times_after(actor, statement, m.id),
    format('1 rows, %s, created %s, read %s, answered %s', m.status,
        to_char(m.created_at, 'YYYY-MM-DD HH24:MI:SS.US'),
        coalesce(to_char(m.read_at, 'YYYY-MM-DD HH24:MI:SS.US'), 'never'),
        coalesce(to_char(m.answered_at, 'YYYY-MM-DD HH24:MI:SS.US'), 'never')),
    format('%s on "%s": %s', actor, m.id, statement)
)
FROM (SELECT * FROM fixture_messages WHERE id IN ('fine read', 'ahead read', 'decided', 'a4')
) AS m
CROSS JOIN LATERAL (VALUES
    ('retention', format('UPDATE skill_messages SET message = ''[erased]'' WHERE id = %L', m.id)),
    ('superuser', format('UPDATE skill_messages SET message = ''[erased]'' WHERE id = %L', m.id)),
    (keeper('skills'), 'DELETE FROM skills WHERE id = ''sails''' || keeps_to('skills', 'acme'))
) AS statements (actor, statement);

-- What the checks alone refuse: an import, too, keeps to them.
SELECT is(
    adopt('bounds', status, created_at, read_at, answered_at), expected,
    format('%s, created %s, read %s, answered %s: %s', status, created_at,
        coalesce(read_at, 'never'), coalesce(answered_at, 'never'), expected)
)
FROM (VALUES
    ('pending', '-infinity', NULL, NULL, 'skill_messages_created_at_check'),
    ('pending', '0044-03-15 BC', NULL, NULL, 'skill_messages_created_at_check'),
    ('pending', '1969-12-31 23:59:59.999999+00', NULL, NULL, 'skill_messages_created_at_check'),
    ('pending', '9999-12-31 23:59:59.999001+00', NULL, NULL, 'skill_messages_created_at_check'),
    ('pending', '10000-01-01', NULL, NULL, 'skill_messages_created_at_check'),
    ('pending', '294276-12-31', NULL, NULL, 'skill_messages_created_at_check'),
    ('pending', 'infinity', NULL, NULL, 'skill_messages_created_at_check'),
    ('pending', '2026-01-01', '-infinity', NULL, 'skill_messages_read_at_check'),
    ('pending', '2026-01-01', '2025-12-31 23:59:59.999999', NULL, 'skill_messages_read_at_check'),
    ('pending', '2026-01-01', '10000-01-01', NULL, 'skill_messages_read_at_check'),
    ('pending', '2026-01-01', 'infinity', NULL, 'skill_messages_read_at_check'),
    ('pending', '2026-01-01', NULL, '2026-01-02', 'skill_messages_answered_at_check'),
    ('accepted', '2026-01-01', NULL, '-infinity', 'skill_messages_answered_at_check'),
    ('accepted', '2026-01-01', NULL, 'infinity', 'skill_messages_answered_at_check'),
    ('accepted', '2026-01-01', NULL, '2025-12-31 23:59:59.999999',
        'skill_messages_answered_at_check')
) AS refused (status, created_at, read_at, answered_at, expected);

SELECT is(
    adopt('at ' || created_at, 'accepted', created_at, created_at, created_at), 'stored',
    'created, read and answered at ' || created_at
)
FROM (VALUES
    ('1970-01-01 00:00:00+00'), ('9999-12-31 23:59:59.999+00')
) AS bounds (created_at);

-- A whole life, between two application servers whose clocks are off: nobody is refused, and the
-- times are in their order.
CREATE FUNCTION life(id text, writer interval, reader interval, reading text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    c_a_bit CONSTANT interval := '1 millisecond';
    v_steps text[];
    v_before timestamptz := clock_timestamp();
    v_sent timestamptz;
    v_read timestamptz;
    m skill_messages%ROWTYPE;
BEGIN
    v_steps := ARRAY[act('service', 'acme', '', format(
        'INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, '
        'proposed_parent_skill_id, message, status, created_at, read_at) '
        'VALUES (%L, ''acme'', ''ann'', ''ben'', ''knots'', ''ropes'', ''Hello'', ''pending'', '
        'clock_timestamp() + interval %L, NULL)', life.id, writer))];
    v_sent := clock_timestamp();
    v_steps := v_steps || act(reading, 'acme', 'ben', format(
        'UPDATE skill_messages SET read_at = clock_timestamp() + interval %L WHERE id = %L',
        reader, life.id));
    v_read := clock_timestamp();
    v_steps := v_steps || act(reading, 'acme', 'ben', format(
        'UPDATE skill_messages SET status = ''accepted'', '
        'read_at = clock_timestamp() + interval %L WHERE id = %L', reader, life.id));

    SELECT * INTO STRICT m
    FROM skill_messages AS found WHERE found.id = life.id AND found.tenant_id = 'acme';
    writer := least(writer, '0');
    reader := least(reader, '0');

    RETURN concat_ws(', ', array_to_string(v_steps, ', '),
        CASE WHEN m.created_at NOT BETWEEN v_before + writer - c_a_bit AND v_sent + writer
            THEN 'created at ' || m.created_at END,
        CASE WHEN (
            m.read_at BETWEEN greatest(m.created_at, v_sent + reader - c_a_bit)
            AND greatest(m.created_at, v_read + reader)
        ) IS NOT TRUE THEN 'read at ' || coalesce(m.read_at::text, 'no time') END,
        CASE WHEN m.answered_at
                IS DISTINCT FROM greatest(m.created_at, date_trunc('milliseconds', now()))
            THEN 'answered at ' || coalesce(m.answered_at::text, 'no time') END,
        CASE WHEN m.created_at <> date_trunc('milliseconds', m.created_at)
                OR m.read_at <> date_trunc('milliseconds', m.read_at)
                OR m.answered_at <> date_trunc('milliseconds', m.answered_at)
            THEN 'finer than a millisecond' END,
        CASE WHEN greatest(m.created_at, m.read_at, m.answered_at) > clock_timestamp()
            THEN 'ahead of the clock' END);
END;
$$;

SELECT is(
    life(format('%s %s %s', reading, writer, reader), writer::interval, reader::interval,
        reading),
    '1 rows, 1 rows, 1 rows',
    format('the clock of the writer is off by %s, that of the reader, %s, by %s', writer, reading,
        reader)
)
FROM (VALUES ('service'), ('app')) AS readers (reading)
CROSS JOIN (VALUES
    ('-5 minutes'), ('-0.5 seconds'), ('0'), ('0.5 seconds'), ('5 minutes')
) AS writers (writer)
CROSS JOIN (VALUES
    ('-5 minutes'), ('-0.5 seconds'), ('0'), ('0.5 seconds'), ('5 minutes')
) AS offsets (reader);

SELECT * FROM finish();
ROLLBACK;
