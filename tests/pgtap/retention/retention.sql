-- Retention and erasure: the third role deletes and erases within one tenant, and reads no text.
--
-- purge_skill_messages() commits, which no test that rolls back can run: here are the batches that
-- it consists of, and structure.sql has its signature and who may call it.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(180);

SELECT is(
    current_setting('app.current_tenant_id', true), NULL,
    'no context was ever set in this session: the first rows test that'
);

-- The table, directly: rows of the current tenant only; none without one.
SELECT is(
    attempt(actor, tenant, '', statement), expected,
    format('%s, tenant %s: %s', actor, coalesce(quote_literal(tenant), 'never set'), statement)
)
FROM (VALUES
    (1, NULL, 'nothing', '0 rows'), (2, '', 'nothing', '0 rows'),
    (3, 'nowhere', 'nothing', '0 rows'), (3, 'acme', 'a1 a2 a3 a4 a5', '5 rows'),
    (3, 'Acme', 'g1 g2', '2 rows')
) AS tenants (number, tenant, seen, touched)
CROSS JOIN (VALUES ('retention'), ('retention login')) AS actors (actor)
CROSS JOIN LATERAL (VALUES
    ('SELECT id FROM skill_messages ORDER BY id', seen),
    ('UPDATE skill_messages SET message = ''[erased]''', touched),
    ('DELETE FROM skill_messages', touched)
) AS try (statement, expected)
ORDER BY number;

-- It reads what retention needs to know of a message, and not what it is about.
SELECT is(
    attempt('retention', 'acme', '', format('SELECT %I FROM skill_messages WHERE id = ''a4''',
        col)),
    expected, 'retention selects ' || col
)
FROM (VALUES
    ('id', 'a4'), ('tenant_id', 'acme'), ('from_user_id', 'ann'), ('to_user_id', 'ben'),
    ('subject_skill_id', '42501'), ('proposed_parent_skill_id', '42501'), ('message', '42501'),
    ('status', 'accepted'), ('created_at', '2026-01-04T00:00:00+00:00'),
    ('read_at', '2026-02-04T00:00:00+00:00')
) AS columns (col, expected);

-- No text by any other way either, and no other write.
SELECT is(attempt('retention', 'acme', 'ben', statement), expected, 'retention: ' || statement)
FROM (VALUES
    ('SELECT * FROM skill_messages', '42501'),
    ('SELECT m FROM skill_messages AS m', '42501'),
    ('SELECT to_jsonb(m) FROM skill_messages AS m', '42501'),
    ('SELECT count(message) FROM skill_messages', '42501'),
    ('SELECT id FROM skill_messages WHERE message LIKE ''M%''', '42501'),
    ('SELECT id FROM skill_messages ORDER BY message', '42501'),
    ('SELECT id FROM skill_messages WHERE subject_skill_id = ''knots''', '42501'),
    ('UPDATE skill_messages SET message = ''[erased]'' RETURNING message', '42501'),
    ('UPDATE skill_messages SET message = ''[erased]'' WHERE message LIKE ''M%''', '42501'),
    ('UPDATE skill_messages SET message = message', '42501'),
    ('DELETE FROM skill_messages WHERE message LIKE ''M%''', '42501'),
    ('DELETE FROM skill_messages RETURNING message', '42501'),
    ('DELETE FROM skill_messages WHERE id = ''g1''', '0 rows'),
    ('DELETE FROM skill_messages WHERE id = ''a1''', '1 rows'),
    ('UPDATE skill_messages SET message = ''[erased]'' WHERE id = ''g1''', '0 rows'),
    ('UPDATE skill_messages SET message = ''Rewritten''', '23514'),
    ('UPDATE skill_messages SET status = ''accepted'' WHERE id = ''a1''', '42501'),
    ('UPDATE skill_messages SET read_at = now() WHERE id = ''a1''', '42501'),
    ('UPDATE skill_messages SET tenant_id = ''Acme''', '42501'),
    ('UPDATE skill_messages SET created_at = now()', '42501'),
    ('TRUNCATE skill_messages', '42501'),
    ('INSERT INTO skill_messages '
        '(tenant_id, from_user_id, to_user_id, subject_skill_id, message) '
        'VALUES (''acme'', ''ann'', ''ben'', ''knots'', ''New'')', '42501'),
    ('INSERT INTO skill_messages DEFAULT VALUES', '42501'),
    ('SELECT id FROM tenants', '42501'),
    ('SELECT id FROM users', '42501'),
    ('DELETE FROM users', '42501'),
    ('SELECT id FROM skills', '42501'),
    ('DELETE FROM skills', '42501'),
    ('SELECT switch_skill_message_notifications(true)', '42501')
) AS tries (statement, expected);

-- Deleting a batch. Acme's messages come first, so that no limit hides a missing tenant. Every
-- combination of status and reading, at the age of five days and at that of fifteen.
DELETE FROM skill_messages;

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
    created_at)
SELECT
    left(t.tenant_id, 1) || ' ' || age || ' ' || status || ' ' || reading, t.tenant_id, t.sender,
    t.recipient, t.skill, 'Hello', now() - make_interval(days => age)
FROM (VALUES ('Acme', 'gus', 'Ann', 'winds'), ('acme', 'ann', 'ben', 'knots')
) AS t (tenant_id, sender, recipient, skill)
CROSS JOIN (VALUES (15), (5)) AS a (age)
CROSS JOIN (VALUES ('pending'), ('accepted'), ('declined')) AS s (status)
CROSS JOIN (VALUES ('unread'), ('read')) AS r (reading);

UPDATE skill_messages
SET status = split_part(id, ' ', 3),
    read_at = CASE split_part(id, ' ', 4) WHEN 'read' THEN now() END;

CREATE TABLE tap.everything AS SELECT * FROM skill_messages;

-- Deletes a batch: how many, and which, whoever looks.
CREATE FUNCTION tap.gone() RETURNS text
LANGUAGE sql SECURITY DEFINER
SET search_path = public, tap
AS $$
    SELECT coalesce(string_agg(substr(id, 3), ', ' ORDER BY id), '')
        || CASE (SELECT count(*) FROM skill_messages WHERE tenant_id = 'Acme')
            WHEN 12 THEN '' ELSE ', and of Acme' END
    FROM everything
    WHERE tenant_id = 'acme' AND id NOT IN (SELECT id FROM skill_messages)
$$;

CREATE FUNCTION tap.deletion(
    pending boolean, unread boolean, dry boolean, size integer DEFAULT 100,
    before timestamptz DEFAULT now() - interval '10 days'
) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_deleted bigint := delete_skill_messages('acme', before, size, pending, unread, dry);
BEGIN
    RETURN v_deleted || ': ' || tap.gone();
END;
$$;

SELECT is(
    attempt(actor, 'Acme', '', format('SELECT tap.deletion(%L, %L, %L)', pending, unread, dry)),
    expected, format('%s, pending %s, unread %s, dry run %s', actor, pending, unread, dry)
)
FROM (VALUES ('retention'), ('retention login'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    (false, false, false, '2: 15 accepted read, 15 declined read'),
    (true, false, false, '3: 15 accepted read, 15 declined read, 15 pending read'),
    (false, true, false,
        '4: 15 accepted read, 15 accepted unread, 15 declined read, 15 declined unread'),
    (true, true, false,
        '6: 15 accepted read, 15 accepted unread, 15 declined read, 15 declined unread, '
        '15 pending read, 15 pending unread'),
    (false, false, true, '2: '),
    (true, false, true, '3: '),
    (false, true, true, '4: '),
    (true, true, true, '6: ')
) AS flags (pending, unread, dry, expected);

-- Flags of null ask for nothing.
SELECT is(
    attempt('retention', 'acme', '', format('SELECT tap.deletion(%L, %L, %L)', pending, unread,
        dry)),
    expected, format('pending %L, unread %L, dry run %L', pending, unread, dry)
)
FROM (VALUES
    (NULL, NULL, false, '2: 15 accepted read, 15 declined read'),
    (NULL, true, false,
        '4: 15 accepted read, 15 accepted unread, 15 declined read, 15 declined unread'),
    (true, NULL, true, '3: ')
) AS flags (pending, unread, dry, expected);

-- So many at most, and a message of exactly that age is not older.
SELECT is(
    attempt(actor, 'acme', '', format('SELECT split_part(tap.deletion(true, true, %L, %s, '
        'now() - interval %L), '':'', 1)', dry, size, age)),
    expected, format('%s, batches of %s, older than %s, dry run %s', actor, size, age, dry)
)
FROM (VALUES ('retention'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    (1, '10 days', false, '1'), (5, '10 days', false, '5'), (6, '10 days', false, '6'),
    (7, '10 days', false, '6'), (100, '5 days', false, '6'),
    (100, '4 days 23:59:59.999999', false, '12'), (100, '0', false, '12'),
    (100, '15 days', false, '0'), (100, '14 days 23:59:59.999999', false, '6'),
    (1, '10 days', true, '6'), (1, '15 days', true, '0')
) AS calls (size, age, dry, expected);

SELECT is(
    attempt('retention', 'acme', '', 'SELECT delete_skill_messages(''acme'', NULL, 100, true, '
        'true, ' || dry || ')'),
    '0', 'older than nothing is nothing, dry run ' || dry
)
FROM (VALUES (true), (false)) AS runs (dry);

-- Batch after batch, until there is no more, as a purge does it; each is kept.
SELECT is(
    act('retention', '', '', 'SELECT delete_skill_messages(tenant_id => ''acme'', '
        'created_before => now(), batch_size => 3, include_pending => false, '
        'include_unread => true, dry_run => false)'),
    expected, format('batch %s', number)
)
FROM (VALUES (1, '3'), (2, '3'), (3, '2'), (4, '0')) AS batches (number, expected);

SELECT is(
    (SELECT string_agg(id, ', ' ORDER BY id) FROM skill_messages WHERE tenant_id = 'acme'),
    'a 15 pending read, a 15 pending unread, a 5 pending read, a 5 pending unread',
    'what is pending is left, none of it having been asked for'
);

SELECT is((SELECT count(*) FROM skill_messages WHERE tenant_id = 'Acme'), 12::bigint,
    'and all that is Acme''s');

-- Erasing. Everybody who has a right to that is ann.
DELETE FROM skill_messages;

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
    proposed_parent_skill_id, created_at)
VALUES
    ('sent pending', 'acme', 'ann', 'ben', 'knots', 'Hello', 'ropes', '2026-01-01'),
    ('sent accepted', 'acme', 'ann', 'ben', 'knots', 'Hello', 'ropes', '2026-01-01'),
    ('sent declined', 'acme', 'ann', 'ben', 'knots', 'Hello', NULL, '2026-01-01'),
    ('got pending', 'acme', 'cid', 'ann', 'sails', 'Hello', 'ropes', '2026-01-01'),
    ('got accepted', 'acme', 'cid', 'ann', 'sails', 'Hello', 'ropes', '2026-01-01'),
    ('got declined', 'acme', 'cid', 'ann', 'sails', 'Hello', NULL, '2026-01-01'),
    ('self pending', 'acme', 'ann', 'ann', 'knots', 'Hello', NULL, '2026-01-01'),
    ('self accepted', 'acme', 'ann', 'ann', 'knots', 'Hello', NULL, '2026-01-01'),
    ('else pending', 'acme', 'ben', 'cid', 'sails', 'Hello', 'knots', '2026-01-01'),
    ('else accepted', 'acme', 'ben', 'cid', 'sails', 'Hello', 'knots', '2026-01-01'),
    ('Acme pending', 'Acme', 'Ann', 'gus', 'winds', 'Hello', NULL, '2026-01-01'),
    ('Acme accepted', 'Acme', 'Ann', 'gus', 'winds', 'Hello', NULL, '2026-01-01');

UPDATE skill_messages
SET status = split_part(id, ' ', 2),
    read_at = CASE WHEN id ~ 'declined|pending' THEN timestamptz '2026-02-02' END;

SELECT is(
    attempt(actor, tenant, '', format('SELECT * FROM erase_user_messages(%L)', id)), expected,
    format('%s in %s erases %L', actor, tenant, id)
)
FROM (VALUES
    ('retention', 'acme', 'ann', '3,5'), ('retention login', 'acme', 'ann', '3,5'),
    ('superuser', 'acme', 'ann', '3,5'), ('retention', 'acme', 'ben', '2,3'),
    ('retention', 'acme', 'Ann', '0,0'), ('retention', 'acme', 'gus', '0,0'),
    ('retention', 'acme', '', '0,0'), ('retention', 'acme', '%', '0,0'),
    ('retention', 'Acme', 'ann', '0,0'), ('retention', 'Acme', 'Ann', '1,1'),
    ('superuser', 'Acme', 'ann', '0,0'), ('retention', 'nowhere', 'ann', '0,0'),
    ('owner', 'acme', 'ann', '0,0')
) AS calls (actor, tenant, id, expected);

-- A user in the context changes nothing: this role has none.
SELECT is(attempt('retention', 'acme', 'ben', 'SELECT * FROM erase_user_messages(''ann'')'), '3,5',
    'whoever else is signed in');

CREATE TEMP TABLE before AS SELECT * FROM skill_messages;

SELECT is(
    act('retention', 'acme', '', 'SELECT * FROM erase_user_messages(user_id => ''ann'')'), '3,5',
    'ann is erased'
);

SELECT bag_eq(
    'SELECT to_jsonb(m) FROM skill_messages AS m',
    $$
        SELECT to_jsonb(b) || CASE
            WHEN tenant_id = 'acme' AND 'ann' IN (from_user_id, to_user_id)
                THEN '{"message": "[erased]"}'::jsonb
            ELSE '{}'
        END
        FROM before AS b
        WHERE tenant_id = 'Acme' OR 'ann' NOT IN (from_user_id, to_user_id) OR status <> 'pending'
    $$,
    'what was never answered is gone; of what was decided all but the text is as before; what is '
    'others'' is as before'
);

SELECT is(
    attempt('app', 'acme', 'ben', $$
        SELECT id, message, status FROM get_messages_for_user('ben') ORDER BY id
    $$),
    'sent accepted,[erased],accepted sent declined,[erased],declined',
    'the counterpart keeps the record that decisions were made'
);

SELECT is(
    attempt('retention', 'acme', '', 'SELECT deleted FROM erase_user_messages(''ann'')'), '0',
    'ann can be erased again'
);

-- Only this role: nobody else deletes or erases, and it does nothing that they do.
SELECT is(attempt(actor, 'acme', 'ann', statement), '42501', format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('service login'), ('app'), ('app login'), ('both'), ('monitor'),
    ('nobody')) AS actors (actor)
CROSS JOIN (VALUES
    ('SELECT * FROM erase_user_messages(''ann'')'),
    ('SELECT delete_skill_messages(''acme'', now(), 9, true, true, false)'),
    ('SELECT delete_skill_messages(''acme'', now(), 9, true, true, true)'),
    ('CALL purge_skill_messages(''1 day'')'),
    ('CALL purge_skill_messages(''1 day'', dry_run => true, tenant_id => ''acme'')')
) AS calls (statement);

SELECT * FROM finish();
ROLLBACK;
