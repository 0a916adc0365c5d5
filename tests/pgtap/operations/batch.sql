-- Sending many at once: the ids in the order of the input, all or nothing, and an error that says
-- which element.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(375);

-- What is stored. No order of ids, users or texts is the order of the input.
SELECT is(
    act('service', 'acme', '', $$
        SELECT send_skill_messages('[
            {"id": "z", "from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
             "message": "One", "proposed_parent_skill_id": "sails"},
            {"id": "m", "from_user_id": "cid", "to_user_id": "ann", "subject_skill_id": "ropes",
             "message": "Two", "proposed_parent_skill_id": null},
            {"message": " Th\"ree\n🧶", "subject_skill_id": "knots", "to_user_id": "ben",
             "from_user_id": "ben", "id": "q"},
            {"id": "a", "from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
             "message": "One"}
        ]')
    $$), '["z","m","q","a"]', 'service sends four, and their ids come back in the same order'
);

SELECT is(
    (SELECT jsonb_agg(to_jsonb(m) - '{created_at,answered_at}'::text[] ORDER BY id DESC)
    FROM fixture_messages AS m
    WHERE id IN ('z', 'm', 'q', 'a')),
    '[
        {"id": "z", "tenant_id": "acme", "from_user_id": "ann", "to_user_id": "ben",
         "subject_skill_id": "knots", "proposed_parent_skill_id": "sails", "message": "One",
         "status": "pending", "read_at": null},
        {"id": "q", "tenant_id": "acme", "from_user_id": "ben", "to_user_id": "ben",
         "subject_skill_id": "knots", "proposed_parent_skill_id": null,
         "message": " Th\"ree\n🧶", "status": "pending", "read_at": null},
        {"id": "m", "tenant_id": "acme", "from_user_id": "cid", "to_user_id": "ann",
         "subject_skill_id": "ropes", "proposed_parent_skill_id": null, "message": "Two",
         "status": "pending", "read_at": null},
        {"id": "a", "tenant_id": "acme", "from_user_id": "ann", "to_user_id": "ben",
         "subject_skill_id": "knots", "proposed_parent_skill_id": null, "message": "One",
         "status": "pending", "read_at": null}
    ]'::jsonb,
    'each is stored as it was said, pending and unread, in the tenant of the context'
);

SELECT is(
    (SELECT count(*) FROM fixture_messages WHERE created_at = date_trunc('milliseconds', now())),
    4::bigint,
    'all were sent now, and there are no others'
);

-- Elements are made from this one: ann to ben about knots.
CREATE FUNCTION element(changes jsonb DEFAULT '{}', less text DEFAULT '') RETURNS jsonb
LANGUAGE sql
AS $$
    SELECT '{"from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
             "message": "Hello"}'::jsonb - less || changes
$$;

-- Longer than an index takes, which compresses what repeats.
CREATE FUNCTION digests() RETURNS text
LANGUAGE sql
AS $$ SELECT string_agg(md5(n::text), '') FROM generate_series(1, 200) AS n $$;

-- So many of it, and one of them otherwise.
CREATE FUNCTION batch(size integer, odd_position integer, odd jsonb) RETURNS text
LANGUAGE sql
AS $$
    SELECT format('SELECT send_skill_messages(%L)',
        jsonb_agg(CASE n WHEN odd_position THEN odd ELSE element() END ORDER BY n))
    FROM generate_series(1, size) AS n
$$;

-- Fresh ids.
SELECT matches(
    attempt(actor, 'acme', 'ann', batch(3, 2, element('{"id": "given"}'))),
    '^\["[0-9a-f-]{36}","given","[0-9a-f-]{36}"\]$',
    actor || ': who gives no id gets a random UUID, in its place'
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor);

SELECT matches(
    attempt('app', 'acme', 'ann', batch(1, 1, element('{"id": null}'))),
    '^\["[0-9a-f-]{36}"\]$', 'so does who gives null, and a batch may have one element'
);

SELECT is(
    attempt(actor, 'acme', 'ann', format('SELECT count(DISTINCT id) FROM unnest((%s)) AS id',
        batch(1000, 0, NULL))), '1000',
    actor || ' sends 1000, the same words each time, and they are 1000 messages'
)
FROM (VALUES ('service'), ('app')) AS actors (actor);

-- They are stored in the order of their ids, by bytes, whatever the order of the input: so no two
-- batches wait for one another. A batch that has some stored already goes by the same order.
CREATE TABLE stored (number integer GENERATED ALWAYS AS IDENTITY, id text);

CREATE FUNCTION note() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = skill_messages_test
AS $$
BEGIN
    INSERT INTO stored (id) VALUES (new.id);
    RETURN NULL;
END;
$$;

CREATE TRIGGER skill_messages_test_note AFTER INSERT ON skill_messages
FOR EACH ROW EXECUTE FUNCTION note();

CREATE FUNCTION noted() RETURNS text
LANGUAGE sql SECURITY DEFINER
AS $$
    WITH noted AS (DELETE FROM stored RETURNING number, id)
    SELECT coalesce(string_agg(id, ' ' ORDER BY number), 'nothing') FROM noted
$$;

SELECT is(
    attempt(actor, 'acme', 'ann', format('SELECT array_to_string(send_skill_messages(%L), '' ''), '
        'noted()', (SELECT jsonb_agg(element(jsonb_build_object('id', id)) ORDER BY number)
            FROM regexp_split_to_table(ids, ' ') WITH ORDINALITY AS i (id, number)))),
    ids || ',' || stored, format('%s sends %s', actor, ids)
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('é y b2 c B b10', 'B b10 b2 c y é'),
    ('B b10 b2 c y é', 'B b10 b2 c y é'),
    ('y x w x y', 'w x y'),
    ('~ 日 🧶 ~', '~ 日 🧶')
) AS orders (ids, stored);

DROP TRIGGER skill_messages_test_note ON skill_messages;

-- Retries.
CREATE TEMP TABLE before AS SELECT * FROM fixture_messages;

SELECT is(act(actor, 'acme', 'ann', format('SELECT send_skill_messages(%L)', batch)), expected,
    format('%s: %s', actor, what))
FROM (VALUES ('service'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ('a batch of two that exist, one accepted, in another order',
        '[{"id": "a4", "from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
           "proposed_parent_skill_id": "sails", "message": "Or so?"},
          {"id": "a1", "from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
           "proposed_parent_skill_id": "ropes", "message": "Mine under yours?"}]',
        '["a4","a1"]'),
    ('the same one twice',
        '[{"id": "a", "from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
           "message": "One"},
          {"id": "a", "from_user_id": "ann", "to_user_id": "ben", "subject_skill_id": "knots",
           "message": "One", "proposed_parent_skill_id": null}]',
        '["a","a"]')
) AS retries (what, batch, expected);

SELECT results_eq(
    'SELECT * FROM fixture_messages ORDER BY id', 'SELECT * FROM before ORDER BY id',
    'after the retries every message is as it was, and there is no new one'
);

SELECT is(
    act('app', 'acme', 'ann', format('SELECT send_skill_messages(%L)', jsonb_build_array(
        element('{"id": "new 2"}'), element('{"id": "a", "message": "One"}'),
        element('{"id": "new 1"}'), element('{"id": "new 2"}')))),
    '["new 2","a","new 1","new 2"]', 'old and new mix, and one may come twice'
);

SELECT is(
    (SELECT count(*) FROM fixture_messages) - (SELECT count(*) FROM before), 2::bigint,
    'what is new is stored once'
);

SELECT is(
    act(actor, 'acme', 'ann', format('SELECT send_skill_messages(%L)', batch)), expected,
    actor || ': some are stored, one of them accepted, some are not'
)
FROM (VALUES
    ('app', jsonb_build_array(
        element('{"id": "new 4"}'),
        element('{"id": "a4", "message": "Or so?", "proposed_parent_skill_id": "sails"}'),
        element('{"id": "new 1"}'), element('{"id": "new 3"}')),
        '["new 4","a4","new 1","new 3"]'),
    ('service', jsonb_build_array(
        element('{"id": "new 3"}'), element('{"id": "new 6"}'),
        '{"id": "a3", "from_user_id": "ben", "to_user_id": "cid", "subject_skill_id": "sails",
          "message": "Shall we?"}'::jsonb,
        element('{"id": "new 5"}'), element('{"id": "new 4"}')),
        '["new 3","new 6","a3","new 5","new 4"]')
) AS batches (actor, batch, expected);

SELECT is(
    (
        SELECT string_agg(concat_ws(' ', id, status), ', ' ORDER BY id)
        FROM (SELECT * FROM fixture_messages EXCEPT SELECT * FROM before) AS new
    ),
    'new 1 pending, new 2 pending, new 3 pending, new 4 pending, new 5 pending, new 6 pending',
    'what was not stored is stored now, and all else is as before'
);

-- Ids of another tenant's messages are free, and nothing tells that they are there.
SELECT is(
    act('app', 'acme', 'ann', format('SELECT send_skill_messages(%L)', jsonb_build_array(
        element('{"id": "g2"}'), element('{"id": "g1", "message": "Mine under yours?"}')))),
    '["g2","g1"]', 'two ids of the other tenant'
);

SELECT is(
    (SELECT string_agg(concat_ws(' ', tenant_id, id, message), ', '
        ORDER BY id, tenant_id COLLATE "C")
    FROM fixture_messages WHERE id IN ('g1', 'g2')),
    'Acme g1 Mine under yours?, acme g1 Mine under yours?, Acme g2 Yours under mine?, '
    'acme g2 Hello', 'each tenant has its own message of that id'
);

SELECT is(
    act('app', 'acme', 'ann', format('SELECT send_skill_messages(%L)', jsonb_build_array(
        element(), element('{"id": "g1"}')))), 'SM004',
    'once it is there, it is taken within its own tenant'
);

-- What is wrong with an element: the same SQLSTATE and words as of a single send, after its
-- position, counting from 1, with a hint. It is an error that ends the statement, not one that is
-- returned: so nothing of the batch is stored.
SELECT is(
    complaint(actor, 'acme', 'ann', batch(size, position, odd)),
    replace(expected, '#', format('message %s:', position)),
    format('%s: element %s of %s, %s', actor, position, size, left(odd::text, 60))
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES (1, 1), (3, 2), (3, 3), (1000, 1000)) AS places (size, position)
CROSS JOIN (VALUES
    (element('{"to_user_id": "gus"}'), '23503 # unknown to_user_id'),
    (element('{"message": " "}'), '23514 # invalid message'),
    (element('{"id": "a1"}'), 'SM004 # id "a1" is taken by a different message'),
    (element('{"to_user_id": null}'), '22023 # to_user_id is null')
) AS bad (odd, expected);

SELECT is(
    complaint(actor, 'acme', 'ann', batch(2, 2, odd)), expected,
    format('%s: %s', actor, left(odd::text, 90))
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    -- Unknown keys. The tenant is never an argument.
    (element('{"tenant_id": "acme"}'),
        '22023 message 2: unknown key, or value that is not a string: tenant_id'),
    (element('{"status": "pending"}'),
        '22023 message 2: unknown key, or value that is not a string: status'),
    (element('{"read_at": null}'),
        '22023 message 2: unknown key, or value that is not a string: read_at'),
    (element('{"Message": "Hello"}'),
        '22023 message 2: unknown key, or value that is not a string: Message'),
    (element('{" id": "x"}'),
        '22023 message 2: unknown key, or value that is not a string:  id'),
    (element('{"": "x"}'),
        '22023 message 2: unknown key, or value that is not a string: '),
    (element('{"b": 1, "c": 2}'),
        '22023 message 2: unknown key, or value that is not a string: b, c'),

    -- Values that are no strings.
    (element('{"id": 7}'), '22023 message 2: unknown key, or value that is not a string: id'),
    (element('{"message": true}'),
        '22023 message 2: unknown key, or value that is not a string: message'),
    (element('{"message": ["Hello"]}'),
        '22023 message 2: unknown key, or value that is not a string: message'),
    (element('{"from_user_id": {"id": "ann"}}'),
        '22023 message 2: unknown key, or value that is not a string: from_user_id'),

    -- Elements that are no objects.
    ('"Hello"', '22023 message 2: the element is not an object'),
    ('7', '22023 message 2: the element is not an object'),
    ('null', '22023 message 2: the element is not an object'),
    ('[]', '22023 message 2: the element is not an object'),

    -- What is missing is null.
    ('{}', '22023 message 2: from_user_id is null'),
    (element(less => 'from_user_id'), '22023 message 2: from_user_id is null'),
    (element('{"from_user_id": null}'), '22023 message 2: from_user_id is null'),
    (element(less => 'to_user_id'), '22023 message 2: to_user_id is null'),
    (element(less => 'subject_skill_id'), '22023 message 2: subject_skill_id is null'),
    (element('{"subject_skill_id": null}'), '22023 message 2: subject_skill_id is null'),
    (element(less => 'message'), '23514 message 2: invalid message'),
    (element('{"message": null}'), '23514 message 2: invalid message'),

    -- What a single send refuses.
    (element('{"id": ""}'), '23514 message 2: invalid id'),
    (element('{"to_user_id": ""}'), '23514 message 2: invalid to_user_id'),
    (element('{"to_user_id": "absent"}'), '23503 message 2: unknown to_user_id'),
    (element('{"subject_skill_id": "winds"}'), '23503 message 2: unknown subject_skill_id'),
    (element('{"proposed_parent_skill_id": "winds"}'),
        '23503 message 2: unknown proposed_parent_skill_id'),
    (element('{"proposed_parent_skill_id": ""}'),
        '23503 message 2: unknown proposed_parent_skill_id'),
    (element(jsonb_build_object('message', repeat('x', 10001))),
        '23514 message 2: invalid message'),
    (element(U&'{"message": "\00A0\200B\FEFF\2800"}'), '23514 message 2: invalid message'),
    (element('{"message": "[erased]"}'),
        '23514 message 2: invalid message'),
    (element('{"id": "a1", "message": "[erased]"}'),
        '23514 message 2: invalid message'),
    (element(jsonb_build_object('id', repeat('x', 256))), '23514 message 2: invalid id'),
    (element(jsonb_build_object('id', digests())), '23514 message 2: invalid id'),
    (element(jsonb_build_object('to_user_id', digests())),
        '22023 message 2: to_user_id is too long for an index'),
    (element(jsonb_build_object('subject_skill_id', digests())),
        '22023 message 2: subject_skill_id is too long for an index'),
    (element(jsonb_build_object('proposed_parent_skill_id', digests())),
        '22023 message 2: proposed_parent_skill_id is too long for an index'),

    -- Ids of messages between others, and of those received: taken, and no more is told.
    (element('{"id": "a2"}'), 'SM004 message 2: id "a2" is taken by a different message'),
    (element('{"id": "a3"}'), 'SM004 message 2: id "a3" is taken by a different message')
) AS bad (odd, expected);

SELECT is(
    complaint('app', 'acme', 'ann', batch(2, 2, element(jsonb_build_object('from_user_id',
        id)))),
    format('42501 message 2: from_user_id: "%s" is not the signed-in user', left(id, 100)),
    format('app: one sender of two is %L', id)
)
FROM (VALUES ('ben'), ('gus'), ('absent'), ('ANN'), (''), (repeat('é', 101))) AS senders (id);

SELECT is(
    complaint('service', 'acme', 'ann', batch(2, 2,
        element(jsonb_build_object('from_user_id', id)))),
    expected, format('service: one sender of two is %L', id)
)
FROM (VALUES
    ('gus', '23503 message 2: unknown from_user_id'), ('', '23514 message 2: invalid from_user_id')
) AS senders (id, expected);

-- An id twice in one batch, for different messages; the first of several errors is told, those of
-- form before the others.
SELECT is(
    complaint('app', 'acme', 'ann', format('SELECT send_skill_messages(%L)', batch)), expected,
    expected
)
FROM (VALUES
    (jsonb_build_array(element(), element('{"id": "twice"}'), element(),
        element('{"id": "twice", "message": "Bye"}')),
        'SM004 message 4: id "twice" is taken by a different message'),
    (jsonb_build_array(element(), element('{"message": ""}'),
        element('{"to_user_id": ""}')), '23514 message 2: invalid message'),
    (jsonb_build_array(element('{"message": ""}'), '"x"', element('{"odd": ""}')),
        '22023 message 2: the element is not an object')
) AS bad (batch, expected);

-- Of several faults, the first one of the batch is told, whatever kinds they are of, and whatever
-- the order of the ids that they are sent in.
CREATE TABLE fault (odd jsonb, error text);

INSERT INTO fault
VALUES
    ('{"to_user_id": "absent"}', '23503 message 2: unknown to_user_id'),
    ('{"proposed_parent_skill_id": "winds"}', '23503 message 2: unknown proposed_parent_skill_id'),
    ('{"message": " "}', '23514 message 2: invalid message'),
    ('{"message": "[erased]"}',
        '23514 message 2: invalid message'),
    ('{"subject_skill_id": null}', '22023 message 2: subject_skill_id is null'),
    (jsonb_build_object('to_user_id', digests()),
        '22023 message 2: to_user_id is too long for an index'),
    ('{"from_user_id": "ben"}', '42501 message 2: from_user_id: "ben" is not the signed-in user'),
    ('{"id": "a2"}', 'SM004 message 2: id "a2" is taken by a different message');

SELECT is(
    complaint('app', 'acme', 'ann', format('SELECT send_skill_messages(%L)', jsonb_build_array(
        element('{"id": "k"}'), element(jsonb_build_object('id', first_id) || a.odd),
        element(jsonb_build_object('id', second_id) || b.odd), element('{"id": "l"}')))),
    a.error,
    format('%s, before %s, ids %s and %s', left(a.odd::text, 50), left(b.odd::text, 50), first_id,
        second_id)
)
FROM fault AS a
CROSS JOIN fault AS b
CROSS JOIN (VALUES ('y', 'x'), ('x', 'y')) AS ids (first_id, second_id);

-- Nothing is stored where anything is at fault.
CREATE TEMP TABLE before_the_faults AS SELECT * FROM fixture_messages;

SELECT is(
    act('app', 'acme', 'ann', format('SELECT send_skill_messages(%L)', jsonb_build_array(
        element('{"id": "k"}'), element(f.odd), element('{"id": "l"}')))),
    left(f.error, 5), 'a batch of three with a fault: ' || left(f.odd::text, 60)
)
FROM fault AS f;

SELECT results_eq(
    'SELECT * FROM fixture_messages ORDER BY id, tenant_id',
    'SELECT * FROM before_the_faults ORDER BY id, tenant_id', 'nothing of any of them is stored'
);

-- What is no batch.
SELECT is(
    complaint(actor, 'acme', 'ann', format('SELECT send_skill_messages(%L)', batch)),
    '22023 messages is not an array of 1 to 1000 elements',
    format('%s: %s', actor, coalesce(left(batch, 60), 'null'))
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    (NULL), ('null'), ('[]'), ('{}'), ('"x"'), ('7'), (element()::text),
    ((SELECT jsonb_agg(element())::text FROM generate_series(1, 1001)))
) AS bad (batch);

-- The context's tenant, when no such tenant exists.
SELECT is(
    complaint('service', 'nowhere', '', batch(1, 0, NULL)),
    '23503 message 1: unknown tenant_id', 'a batch in a tenant that does not exist'
);

SELECT * FROM finish();
ROLLBACK;
