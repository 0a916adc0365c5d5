-- Retention and erasure: the third role deletes and erases within one tenant, and reads no text.
--
-- purge_skill_messages() commits, which no test that rolls back can run: here are the batches that
-- it consists of, and structure.sql has its signature and who may call it.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(305);

SELECT is_unless(
    brought_along(), current_setting('app.current_tenant_id', true), NULL,
    'no context was ever set in this session: the first rows test that'
);

-- The table, directly: rows of the current tenant only; none without one.
SELECT is_unless(
    CASE WHEN tenant IS NULL THEN brought_along() END,
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
    ('read_at', '2026-02-04T00:00:00+00:00'), ('answered_at', '42501')
) AS columns (col, expected);

-- No text by any other way either, and no other write.
SELECT is_unless(concerns_host(statement), attempt('retention', 'acme', 'ben', statement),
    expected, 'retention: ' || statement)
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

-- Whoever may not read a text cannot find it out by writing it either: a right guess and a wrong
-- one are the same error, to the letter.
SELECT is(
    complaint(actor, 'acme', '', format('UPDATE skill_messages SET message = %L WHERE id = %L',
        guess, id)),
    '23514 only status and read_at of a message ever change',
    format('%s guesses the text of %s: %L', actor, id, guess)
)
FROM (VALUES ('retention'), ('retention login')) AS actors (actor)
CROSS JOIN (VALUES
    ('a1', 'Mine under yours?'), ('a1', 'Mine under yours'), ('a1', 'Yours under mine?'),
    ('a1', ''), ('a1', NULL), ('a1', '[Erased]'), ('a4', 'Or so?'), ('a4', 'No.')
) AS guesses (id, guess);

SELECT is(
    attempt('retention', 'acme', '', format('UPDATE skill_messages SET message = %L WHERE id = %L',
        guess, id)),
    '0 rows', format('retention guesses the text of %s, which is not in this tenant: %L', id, guess)
)
FROM (VALUES ('g1', 'Mine under yours?'), ('g1', 'No.'), ('absent', 'No.')) AS guesses (id, guess);

SELECT is(
    act('retention', 'acme', '', 'UPDATE skill_messages SET message = ''[erased]'' '
        'WHERE id = ''a4'''), '1 rows', 'retention erases a text'
);

SELECT is(complaint(actor, 'acme', '', statement), expected, format('%s: %s', actor, statement))
FROM (VALUES
    ('retention', $$UPDATE skill_messages SET message = '[erased]' WHERE id = 'a4'$$,
        'no error: 1 rows'),
    ('retention', $$UPDATE skill_messages SET message = 'Or so?' WHERE id = 'a4'$$,
        '23514 only status and read_at of a message ever change'),
    ('superuser', $$UPDATE skill_messages SET message = 'Or so?' WHERE id = 'a4'$$,
        '23514 only status and read_at of a message ever change'),
    -- Who may read it may say again what is there.
    ('superuser', $$UPDATE skill_messages SET message = 'Mine under yours?' WHERE id = 'a1'$$,
        'no error: 1 rows'),
    ('superuser', $$UPDATE skill_messages SET message = 'Mine under yours' WHERE id = 'a1'$$,
        '23514 only status and read_at of a message ever change')
) AS tries (actor, statement, expected);

-- Deleting a batch. Acme's messages have the same ids and come first, so that nothing hides a
-- missing tenant. Every combination of status and reading, at the age of five days and at that of
-- fifteen.
DELETE FROM fixture_messages;

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
    created_at)
SELECT
    age || ' ' || status || ' ' || reading, t.tenant_id, t.sender, t.recipient, t.skill, 'Hello',
    now() - make_interval(days => age)
FROM (VALUES ('Acme', 'gus', 'Ann', 'winds'), ('acme', 'ann', 'ben', 'knots')
) AS t (tenant_id, sender, recipient, skill)
CROSS JOIN (VALUES (15), (5)) AS a (age)
CROSS JOIN (VALUES ('pending'), ('accepted'), ('declined')) AS s (status)
CROSS JOIN (VALUES ('unread'), ('read')) AS r (reading);

UPDATE fixture_messages
SET status = split_part(id, ' ', 2),
    read_at = CASE split_part(id, ' ', 3) WHEN 'read' THEN now() END;

CREATE TABLE everything AS SELECT * FROM fixture_messages;

-- Deletes a batch: how many, and which, whoever looks.
CREATE FUNCTION gone() RETURNS text
LANGUAGE sql SECURITY DEFINER
SET search_path = skill_messages_test, public
AS $$
    SELECT coalesce(string_agg(id, ', ' ORDER BY id), '')
        || CASE (SELECT count(*) FROM skill_messages WHERE tenant_id = 'Acme')
            WHEN 12 THEN '' ELSE ', and of Acme' END
    FROM everything
    WHERE tenant_id = 'acme'
        AND id NOT IN (SELECT id FROM skill_messages WHERE tenant_id = 'acme')
$$;

CREATE FUNCTION deletion(
    pending boolean, unread boolean, dry boolean, size integer DEFAULT 100,
    before timestamptz DEFAULT now() - interval '10 days'
) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_deleted bigint := skill_messages_private.delete_skill_messages(
        'acme', before, size, pending, unread, dry
    );
BEGIN
    RETURN v_deleted || ': ' || gone();
END;
$$;

SELECT is(
    attempt(actor, '', '', format('SELECT deletion(%L, %L, %L)', pending, unread, dry)),
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
    attempt('retention', 'acme', '', format('SELECT deletion(%L, %L, %L)', pending, unread,
        dry)),
    expected, format('pending %L, unread %L, dry run %L', pending, unread, dry)
)
FROM (VALUES
    (NULL, NULL, false, '2: 15 accepted read, 15 declined read'),
    (NULL, true, false,
        '4: 15 accepted read, 15 accepted unread, 15 declined read, 15 declined unread'),
    (true, NULL, true, '3: ')
) AS flags (pending, unread, dry, expected);

-- It chooses its tenant as set_skill_message_context() does: never another one than was chosen.
SELECT is(
    complaint(actor, tenant, '', 'SELECT skill_messages_private.delete_skill_messages(''acme'', '
        'now(), 100, true, true, ' || dry || ')' || more),
    expected, format('%s in %L, dry run %s%s', actor, tenant, dry, more)
)
FROM (VALUES ('retention'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES (true), (false)) AS runs (dry)
CROSS JOIN (VALUES
    ('', '', 'no error: 12'), ('acme', '', 'no error: 12'),
    ('', ', skill_messages_private.delete_skill_messages(''acme'', ''-infinity'', 9, true, true, '
        'true)', 'no error: 12,0'),
    ('Acme', '', 'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('', ', skill_messages_private.delete_skill_messages(''Acme'', now(), 9, true, true, true)',
        'SM005 tenant_id: this transaction or session acts for another tenant')
) AS calls (tenant, more, expected);

-- So many at most, and a message of exactly that age is not older.
SELECT is(
    attempt(actor, 'acme', '', format('SELECT split_part(deletion(true, true, %L, %L, '
        'date_trunc(''milliseconds'', now()) - interval %L), '':'', 1)', dry, size, age)),
    expected, format('%s, batches of %s, older than %s, dry run %s', actor, size, age, dry)
)
FROM (VALUES ('retention'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    (1, '10 days', false, '1'), (5, '10 days', false, '5'), (6, '10 days', false, '6'),
    (7, '10 days', false, '6'), (100, '5 days', false, '6'),
    (100, '4 days 23:59:59.999999', false, '12'), (100, '0', false, '12'),
    (100, '15 days', false, '0'), (100, '14 days 23:59:59.999999', false, '6'),
    (1, '10 days', true, '6'), (1, '15 days', true, '0'),
    (0, '10 days', false, '0'), (-1, '10 days', false, '0'), (NULL, '10 days', false, '0')
) AS calls (size, age, dry, expected);

SELECT is(
    attempt('retention', 'acme', '', 'SELECT skill_messages_private.delete_skill_messages('
        '''acme'', NULL, 100, true, true, ' || dry || ')'),
    '0', 'older than nothing is nothing, dry run ' || dry
)
FROM (VALUES (true), (false)) AS runs (dry);

-- Batch after batch, until there is no more, as a purge does it; each is kept.
SELECT is(
    act('retention', '', '', 'SELECT skill_messages_private.delete_skill_messages('
        'tenant_id => ''acme'', created_before => now(), batch_size => 3, '
        'include_pending => false, include_unread => true, dry_run => false)'),
    expected, format('batch %s', number)
)
FROM (VALUES (1, '3'), (2, '3'), (3, '2'), (4, '0')) AS batches (number, expected);

SELECT is(
    (SELECT string_agg(id, ', ' ORDER BY id) FROM skill_messages WHERE tenant_id = 'acme'),
    '15 pending read, 15 pending unread, 5 pending read, 5 pending unread',
    'what is pending is left, none of it having been asked for'
);

SELECT is((SELECT count(*) FROM skill_messages WHERE tenant_id = 'Acme'), 12::bigint,
    'and all that is Acme''s');

-- A purge: what it refuses, before it deletes anything. All else it does batch by batch, and cannot
-- do here, where it may not commit.
SELECT is(
    complaint(actor, tenant, '', format('CALL purge_skill_messages(%s)', arguments)),
    replace(expected, '$1', role) || CASE expected WHEN '2D000 invalid transaction termination'
        THEN ' (without a hint)' ELSE '' END,
    format('%s in %L purges (%s)', actor, tenant, left(arguments, 80))
)
FROM (VALUES ('retention'), ('superuser')) AS actors (actor)
JOIN actor AS known (name, role) ON known.name = actor
CROSS JOIN (VALUES
    ('', 'NULL', '22023 older_than is null'),
    ('', '''-1 microsecond''', '22023 older_than is -00:00:00.000001'),
    ('', '''-1 year''', '22023 older_than is -1 years'),
    ('', '''1000 years 1 microsecond''', '22023 older_than is 1000 years 00:00:00.000001'),
    ('', '''178000000 years''', '22023 older_than is 178000000 years'),
    ('', '''1 day'', 0', '22023 batch_size is 0'), ('', '''1 day'', -1', '22023 batch_size is -1'),
    ('', '''1 day'', batch_size => -2147483648', '22023 batch_size is -2147483648'),
    ('', '''1 day'', NULL', '22023 batch_size is null'),
    ('', '''1 day'', tenant_id => ''acme'', dry_run => NULL', '22023 dry_run is null'),
    ('', 'NULL, 0, dry_run => NULL', '22023 older_than is null'),
    ('', '''1 day'', 0, dry_run => NULL', '22023 batch_size is 0'),
    ('', '''1 day'', tenant_id => ''''', 'SM001 tenant_id: no tenant given'),
    ('', '''1 day'', tenant_id => repeat(''x'', 256)', '22023 tenant_id is longer than 255 bytes'),
    ('Acme', '''1 day'', tenant_id => ''acme''',
        'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('Acme', '''1 day'', tenant_id => ''acme'', dry_run => true',
        'SM005 tenant_id: this transaction or session acts for another tenant'),

    -- These are in order.
    ('', '''0'', tenant_id => ''acme''', '2D000 invalid transaction termination'),
    ('', '''1000 years'', 1, ''acme''', '2D000 invalid transaction termination'),
    ('acme', '''1 day'', 2147483647, ''acme'', NULL, NULL, false',
        '2D000 invalid transaction termination'),
    ('', '''1 day'', tenant_id => ''acme'', dry_run => true',
        '2D000 invalid transaction termination')
) AS calls (tenant, arguments, expected);

SELECT is_unless(
    host_owns('tenants'), complaint('retention', '', '', 'CALL purge_skill_messages(''1 day'')'),
    '42501 tenant_id: none given, and public.tenants shows skill_messages_retention none',
    'retention purges all tenants, and may not read which there are'
);

SELECT is_unless(
    a.unbound, concat_ws(' ', t.code, t.message, t.hint),
    format('42501 %s does not have the rights of skill_messages_retention '
        'GRANT skill_messages_retention TO %1$I%s', a.role,
        CASE WHEN current_setting('server_version_num')::integer >= 160000
            THEN ' WITH INHERIT TRUE' ELSE '' END),
    'the owner: ' || statement
)
FROM (VALUES
    ('CALL purge_skill_messages(''1 day'', tenant_id => ''acme'')'),
    ('CALL purge_skill_messages(''1 day'', tenant_id => ''acme'', dry_run => true)'),
    ('CALL purge_skill_messages(NULL)'),
    ('SELECT * FROM erase_user_messages(''ann'')'),
    ('SELECT * FROM erase_user_messages(''absent'', false)')
) AS calls (statement)
CROSS JOIN actor AS a
CROSS JOIN trial('owner', CASE WHEN statement ~ '^CALL' THEN '' ELSE 'acme' END, '',
    statement, false) AS t
WHERE a.name = 'owner';

SELECT is(
    complaint('retention', '', '', 'SET TRANSACTION READ ONLY; CALL purge_skill_messages('
        '''1 day'', tenant_id => ''acme'', dry_run => ' || dry || ')'),
    expected, 'read-only, dry run ' || dry
)
FROM (VALUES
    (false, '25006 purge_skill_messages: the transaction is read-only'),
    (true, '2D000 invalid transaction termination (without a hint)')
) AS runs (dry, expected);

SELECT is((SELECT count(*) FROM fixture_messages), 16::bigint,
    'and nothing of all this was deleted');

-- Erasing. Everybody who has a right to that is ann.
DELETE FROM fixture_messages;

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
    ('sent pending', 'Acme', 'Ann', 'gus', 'winds', 'Hello', NULL, '2026-01-01'),
    ('sent accepted', 'Acme', 'Ann', 'gus', 'winds', 'Hello', NULL, '2026-01-01');

UPDATE fixture_messages
SET status = split_part(id, ' ', 2),
    read_at = CASE WHEN id ~ 'declined|pending' THEN timestamptz '2026-02-02' END;

SELECT is_unless(
    unbound(actor),
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
    ('owner', 'acme', 'ann', '42501')
) AS calls (actor, tenant, id, expected);

-- What was decided is kept, unless it is not to be.
SELECT is(
    complaint(actor, tenant, '', format('SELECT * FROM erase_user_messages(%s)', arguments)),
    expected, format('%s in %s erases (%s)', actor, tenant, arguments)
)
FROM (VALUES ('retention'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('acme', '''ann'', true', 'no error: 3,5'), ('acme', '''ann'', false', 'no error: 8,0'),
    ('acme', 'keep_decided => false, user_id => ''ben''', 'no error: 5,0'),
    ('acme', '''gus'', false', 'no error: 0,0'), ('acme', '''%'', false', 'no error: 0,0'),
    ('Acme', '''ann'', false', 'no error: 0,0'), ('Acme', '''Ann'', false', 'no error: 2,0'),
    ('acme', '''ann'', NULL', '22023 keep_decided is null'),
    ('acme', 'NULL, false', '22023 user_id is null'), ('acme', 'NULL', '22023 user_id is null')
) AS calls (tenant, arguments, expected);

-- A user in the context changes nothing: this role has none.
SELECT is(attempt('retention', 'acme', 'ben', 'SELECT * FROM erase_user_messages(''ann'')'), '3,5',
    'whoever else is signed in');

CREATE TEMP TABLE before AS SELECT * FROM fixture_messages;

SELECT is(
    act('retention', 'acme', '', 'SELECT * FROM erase_user_messages(user_id => ''ann'')'), '3,5',
    'ann is erased'
);

SELECT bag_eq(
    'SELECT to_jsonb(m) FROM fixture_messages AS m',
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

-- To the last trace, whether the texts were erased before or not.
SELECT is(
    act('retention', 'acme', '', format('SELECT * FROM erase_user_messages(%L, keep_decided => '
        'false)', id)),
    expected, format('of %s nothing is kept', id)
)
FROM (VALUES (1, 'ann', '5,0'), (2, 'cid', '2,0'), (3, 'ben', '0,0')
) AS users (number, id, expected)
ORDER BY number;

SELECT results_eq(
    'SELECT * FROM fixture_messages ORDER BY id',
    'SELECT * FROM before WHERE tenant_id = ''Acme'' ORDER BY id',
    'what is left is Acme''s, as it was, though its messages have the same ids'
);

-- Only this role: nobody else deletes or erases, and it does nothing that they do.
SELECT is(attempt(actor, 'acme', 'ann', statement), '42501', format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('service login'), ('app'), ('app login'), ('both'), ('monitor'),
    ('nobody')) AS actors (actor)
CROSS JOIN (VALUES
    ('SELECT * FROM erase_user_messages(''ann'')'),
    ('SELECT skill_messages_private.delete_skill_messages(''acme'', now(), 9, true, true, false)'),
    ('SELECT skill_messages_private.delete_skill_messages(''acme'', now(), 9, true, true, true)'),
    ('CALL purge_skill_messages(''1 day'')'),
    ('CALL purge_skill_messages(''1 day'', dry_run => true, tenant_id => ''acme'')')
) AS calls (statement);

SELECT * FROM finish();
ROLLBACK;
