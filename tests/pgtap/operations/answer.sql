-- Answering and reading one message: what comes back is the message as it is stored from then on.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(43);

-- Some of ben's are read before they are answered, some are not; one has no parent.
UPDATE fixture_messages SET read_at = '2026-01-03' WHERE id = 'a2';

CREATE TABLE answered (actor text, me text, id text, decision text);

INSERT INTO answered
VALUES
    ('app', 'ben', 'a1', 'accepted'), ('service', '', 'a2', 'declined'),
    ('both', 'cid', 'a3', 'accepted');

-- The eleven columns, in the order of the table; status goes by another name.
SELECT is(
    (SELECT array_agg(name ORDER BY number)
    FROM unnest(proargnames, proargmodes) WITH ORDINALITY AS a (name, mode, number)
    WHERE mode = 't'),
    '{id,tenant_id,from_user_id,to_user_id,subject_skill_id,proposed_parent_skill_id,message,'
    'new_status,created_at,read_at,answered_at}'::text[],
    'the columns of an answer'
)
FROM pg_proc
WHERE oid = 'update_message_status'::regproc;

SELECT is(
    act(a.actor, 'acme', a.me, format('SELECT * FROM update_message_status(%L, %L)', a.id,
        a.decision)),
    (SELECT string_agg(coalesce(
            CASE key
                WHEN 'status' THEN a.decision
                WHEN 'answered_at' THEN to_json(date_trunc('milliseconds', now())) #>> '{}'
                ELSE value
            END, 'null'), ',' ORDER BY number)
    FROM json_each_text(to_json(m)) WITH ORDINALITY AS c (key, value, number)),
    format('%s answers %s: %s', a.actor, a.id, a.decision)
)
FROM answered AS a
JOIN fixture_messages AS m ON m.id = a.id;

SELECT is(
    (SELECT concat_ws(' ', m.status, m.answered_at, m.read_at IS NULL) FROM fixture_messages AS m
    WHERE m.id = a.id),
    concat_ws(' ', decision, date_trunc('milliseconds', now()), id <> 'a2'),
    id || ' is stored so: answered now, and an answer is no reading'
)
FROM answered AS a;

-- Once and for good, whoever asks for whichever decision.
SELECT is(
    complaint(actor, 'acme', me, format('SELECT id FROM update_message_status(message_id => %L, '
        'status => %L)', id, decision)),
    format('SM003 message_id "%s": already accepted or declined', id),
    format('%s: %s, again %s', actor, id, decision)
)
FROM (VALUES ('app', 'ben', 'a1'), ('service', '', 'a2'), ('both', 'cid', 'a3'),
    ('app', 'ben', 'a4'), ('superuser', '', 'a5')) AS calls (actor, me, id)
CROSS JOIN (VALUES ('accepted'), ('declined')) AS decisions (decision);

-- The sender, somebody else, the other tenant, the owner: to them it is not there to be answered.
SELECT is(
    complaint(actor, tenant, me, statement), expected,
    format('%s as %L in %s: %s', actor, me, tenant, statement)
)
FROM (VALUES
    ('app', 'acme', 'ann', 'a1'), ('both', 'acme', 'ann', 'a4'), ('app', 'acme', 'cid', 'a1'),
    ('app', 'Acme', 'ben', 'a1'), ('service', 'Acme', '', 'a1'), ('superuser', 'Acme', '', 'a1'),
    ('service', 'acme', '', 'g1'), ('app', 'acme', 'gus', 'g1'), ('service', 'acme', '', 'absent')
) AS calls (actor, tenant, me, id)
CROSS JOIN LATERAL (VALUES
    (format('SELECT id FROM update_message_status(%L, ''accepted'')', id)),
    (format('SELECT mark_message_read(%L)', id))
) AS tries (statement)
CROSS JOIN LATERAL format('SM002 message_id "%s": no such message', id) AS expected;

SELECT is_unless(
    a.unbound, concat_ws(' ', t.code, t.message, t.hint),
    format('42501 %s does not have the rights of skill_messages_service or skill_messages_app '
        'GRANT skill_messages_service TO %1$I%s', a.role,
        CASE WHEN current_setting('server_version_num')::integer >= 160000
            THEN ' WITH INHERIT TRUE' ELSE '' END),
    'the owner: ' || statement
)
FROM (VALUES
    ('SELECT id FROM update_message_status(''a1'', ''accepted'')'),
    ('SELECT mark_message_read(''a1'')'), ('SELECT mark_message_read(''absent'')')
) AS calls (statement)
CROSS JOIN actor AS a
CROSS JOIN trial('owner', 'acme', 'ben', statement, false) AS t
WHERE a.name = 'owner';

-- A reading: the time of the first one comes back, however often, and is whole milliseconds.
SELECT is(act(actor, 'acme', me, statement), expected,
    format('%s: %s', actor, one_line(statement)))
FROM (VALUES
    (1, 'app', 'ben', $$SELECT mark_message_read('a1') = date_trunc('milliseconds', now())$$,
        'true'),
    (2, 'app', 'ben', $$SELECT mark_message_read('a4')$$, '2026-02-04T00:00:00+00:00'),
    (3, 'service', '', $$SELECT mark_message_read(message_id => 'a2')$$,
        '2026-01-03T00:00:00+00:00'),
    (4, 'both', 'cid', $$SELECT mark_message_read('a3') <= now(), mark_message_read('a3') <=
        now()$$, 'true,true')
) AS story (number, actor, me, statement, expected)
ORDER BY number;

SELECT is(
    (SELECT string_agg(concat_ws(' ', id, read_at), ', ' ORDER BY id) FROM skill_messages
    WHERE tenant_id = 'acme'),
    format('a1 %s, a2 2026-01-03 00:00:00+00, a3 %1$s, a4 2026-02-04 00:00:00+00, '
        'a5 2026-02-05 00:00:00+00', date_trunc('milliseconds', now())),
    'the first readings stand'
);

SELECT * FROM finish();
ROLLBACK;
