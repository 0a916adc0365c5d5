-- Export: all that a user sent or received, whole, one JSON object a line.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(71);

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
VALUES ('self', 'acme', 'ann', 'ann', 'knots', E'To \"myself\"\n{"a": \\b}\t🧶');

-- Which, sent before received, each once.
SELECT is(
    attempt(actor, 'acme', id, format($$
        SELECT string_agg(id, ' ' ORDER BY sent DESC, id) FROM (
            SELECT line ->> 'id' AS id, line ->> 'from_user_id' = %1$L AS sent
            FROM export_user_messages(%1$L)
        ) AS lines
    $$, id)), expected, format('%s exports %s', actor, id)
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('ann', 'a1 a4 self a2 a5'), ('ben', 'a2 a3 a5 a1 a4'), ('cid', 'a3')
) AS users (id, expected);

SELECT is(
    attempt(actor, 'acme', 'ben', $$
        SELECT string_agg(CASE line ->> 'from_user_id' WHEN 'ben' THEN 's' ELSE 'r' END, ''
            ORDER BY number)
        FROM export_user_messages('ben') WITH ORDINALITY AS e (line, number)
    $$), 'sssrr', actor || ': what was sent comes first'
)
FROM (VALUES ('service'), ('app')) AS actors (actor);

-- Whole: the columns of the table are the keys, their values as JSON has them.
SELECT is(
    attempt('app', 'acme', 'ann', $$
        SELECT jsonb_agg(line ORDER BY line ->> 'id') FROM export_user_messages(user_id => 'ann')
    $$),
    (SELECT jsonb_agg(to_jsonb(m) ORDER BY id)::text FROM fixture_messages AS m
    WHERE tenant_id = 'acme' AND 'ann' IN (from_user_id, to_user_id)),
    'each line is the whole message, text, decision and reading included'
);

SELECT is(
    attempt('app', 'acme', 'ben',
        'SELECT DISTINCT to_jsonb(ARRAY(SELECT jsonb_object_keys(line) ORDER BY 1)) '
        'FROM export_user_messages(''ben'')'),
    (SELECT jsonb_agg(attname ORDER BY attname::text COLLATE "C")::text FROM pg_attribute
    WHERE attrelid = 'skill_messages'::regclass AND attnum > 0 AND NOT attisdropped),
    'the keys are all columns, in every line'
);

SELECT is(
    attempt('app', 'acme', 'ann', $$
        SELECT bool_or(line::text ~ '[\n\r]'), count(*) FROM export_user_messages('ann')
    $$), 'false,5', 'a line is a line, whatever the message has in it'
);

SELECT is(
    attempt('app', 'acme', 'ann', $$
        SELECT line ->> 'id' FROM export_user_messages('ann' COLLATE "POSIX")
        ORDER BY line ->> 'id' LIMIT 1
    $$), 'a1', 'the caller''s collation is none of the function''s business'
);

-- App exports itself only; service anybody in the tenant, and nobody is nothing.
SELECT is(
    complaint(actor, 'acme', 'ann', format('SELECT line FROM export_user_messages(%L)', id)),
    format('42501 user_id: "%s" is not the signed-in user', id),
    format('%s as ann exports %L', actor, id)
)
FROM (VALUES ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES ('ben'), ('gus'), ('absent'), ('Ann'), ('')) AS users (id);

SELECT is(
    attempt(actor, tenant, me, format('SELECT line FROM export_user_messages(%L)', id)), 'nothing',
    format('%s as %L in %s exports %L', actor, me, tenant, id)
)
FROM (VALUES
    ('service', 'acme', '', 'gus'), ('service', 'acme', '', 'Ann'), ('service', 'acme', '', 'x'),
    ('service', 'acme', '', ''), ('service', 'Acme', '', 'ann'), ('superuser', 'Acme', '', 'ann'),
    ('app', 'Acme', 'ann', 'ann')
) AS calls (actor, tenant, me, id);

-- Left out, the user is the one in the context, whoever asks; there is no export of everybody.
SELECT is(
    complaint(actor, 'acme', context, 'SELECT string_agg(line ->> ''id'', '' '' ORDER BY line ->> '
        '''id'') FROM export_user_messages(' || arguments || ')'),
    expected, format('%s with user %L in the context exports (%s)', actor, context, arguments)
)
FROM (VALUES
    ('service', 'ann', 'no error: a1 a2 a4 a5 self'), ('app', 'ann', 'no error: a1 a2 a4 a5 self'),
    ('both', 'ben', 'no error: a1 a2 a3 a4 a5'), ('superuser', 'cid', 'no error: a3'),
    ('service', 'absent', 'no error: null'),
    ('service', '', '22023 user_id is null'), ('service', NULL, '22023 user_id is null'),
    ('superuser', '', '22023 user_id is null'),
    ('app', '', 'SM001 app.current_user_id: no user in the context'),
    ('both', NULL, 'SM001 app.current_user_id: no user in the context')
) AS callers (actor, context, expected)
CROSS JOIN (VALUES (''), ('NULL'), ('user_id => NULL')) AS calls (arguments);

-- The other tenant has an ann of its own, and a message of the same id.
\if :ids_are_shared
CALL add_user('Acme', 'ann', 'A third Ann');
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
VALUES ('a1', 'Acme', 'ann', 'gus', 'winds', 'Hello');

SELECT is(
    attempt(actor, tenant, 'ann', $$
        SELECT string_agg(concat_ws(' ', line ->> 'tenant_id', line ->> 'id'), ', '
            ORDER BY line ->> 'id')
        FROM export_user_messages('ann')
    $$),
    expected, format('%s exports ann of %s', actor, tenant)
)
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ('acme', 'acme a1, acme a2, acme a4, acme a5, acme self'), ('Acme', 'Acme a1')
) AS tenants (tenant, expected);
\else
SELECT skip('the host''s ids are unique across tenants', 4);
\endif

-- What is erased is exported as it is now; all of it, however much.
SELECT is(
    act('retention', 'acme', '', 'SELECT * FROM erase_user_messages(''cid'')'), '1,0',
    'cid, whose only message was never answered, is erased'
);

SELECT is(
    act('retention', 'acme', '', 'SELECT * FROM erase_user_messages(''ben'')'), '2,2',
    'ben is erased'
);

SELECT is(
    attempt('app', 'acme', 'ann', $$
        SELECT line ->> 'id', line ->> 'message', line ->> 'status'
        FROM export_user_messages('ann') WHERE line ->> 'id' <> 'self' ORDER BY line ->> 'id'
    $$), 'a4,[erased],accepted a5,[erased],declined', 'ann keeps that decisions were made'
);

INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT 'acme', 'cid', 'ben', 'knots', 'Many' FROM generate_series(1, 1001);

SELECT is(
    attempt('app', 'acme', id, format('SELECT count(*) FROM export_user_messages(%L)', id)),
    expected, 'all of ' || id
)
FROM (VALUES ('cid', '1001'), ('ben', '1003')) AS users (id, expected);

SELECT * FROM finish();
ROLLBACK;
