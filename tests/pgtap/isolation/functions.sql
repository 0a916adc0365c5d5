-- Who may do what through the functions: every function, by every actor, in its own tenant, in the
-- other one, in one that does not exist, with an empty tenant and with none ever set. What is
-- absent, of another tenant or none of the signed-in user's business is told apart by nothing.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(1069);

SELECT is(
    current_setting('app.current_tenant_id', true), NULL,
    'no context was ever set in this session: the first rows of the matrix test that'
);

-- The operations, tried on messages of acme: a1 is from ann to ben, a4 too and accepted, a3 is from
-- ben to cid.
CREATE TEMP TABLE operation AS
SELECT *
FROM (VALUES
    ('send', $$SELECT send_skill_message('ann', 'ben', 'knots', 'New', id => 'new')$$),
    ('messages', $$SELECT id FROM get_messages_for_user('ben')$$),
    ('unread count', $$SELECT get_unread_count_for_user('ben')$$),
    ('mark read', $$SELECT CASE WHEN mark_message_read('a1') = now() THEN 'read' END$$),
    ('accept', $$SELECT id FROM update_message_status('a1', 'accepted')$$),
    ('accept again', $$SELECT id FROM update_message_status('a4', 'accepted')$$),
    ('sent box', $$SELECT id FROM get_messages_from_user('ann')$$),
    ('send batch', $$
        SELECT array_to_string(send_skill_messages('[{"from_user_id": "ann", "to_user_id": "ben",
            "subject_skill_id": "knots", "message": "New", "id": "new"}]'), ' ')
    $$),
    ('mark all read', $$SELECT mark_messages_read('ben')$$),
    ('figures', $$SELECT pending, accepted, declined, unread FROM get_message_stats()$$),
    ('export', $$SELECT line ->> 'id' FROM export_user_messages('ben') ORDER BY line ->> 'id'$$),
    ('page', $$SELECT id FROM get_skill_message('a1')$$)
) AS o (name, statement);

CREATE TEMP TABLE erasure AS
SELECT *
FROM (VALUES ('erase', $$SELECT * FROM erase_user_messages('ben')$$)) AS o (name, statement);

-- Whoever cannot call a function is told so first.
PREPARE without_tenant (text, text) AS
SELECT is(
    attempt(actor, $1, me, statement),
    CASE WHEN actor IN ('owner', 'superuser') OR actor LIKE rightful THEN 'SM001' ELSE '42501' END,
    format('%s, %s, user %s: %s', actor, $2, coalesce(quote_literal(me), 'none'), name)
)
FROM (VALUES
    ('service', NULL), ('service', 'ben'), ('service login', NULL), ('app', NULL), ('app', 'ben'),
    ('app login', 'ben'), ('both', NULL), ('both', 'ben'), ('owner', NULL), ('superuser', NULL),
    ('retention', NULL), ('retention', 'ben'), ('retention login', NULL), ('monitor', NULL),
    ('nobody', 'ben')
) AS actors (actor, me)
CROSS JOIN LATERAL (
    SELECT name, statement, CASE WHEN actor ~ '^(service|app|both)' THEN actor ELSE 'x' END
    FROM operation
    UNION ALL
    SELECT name, statement, 'retention%' FROM erasure
) AS try (name, statement, rightful);

EXECUTE without_tenant (NULL, 'tenant never set');
EXECUTE without_tenant ('', 'tenant empty');

-- With a tenant. The first half of the operations.
SELECT is(
    attempt(actor, tenant, me, statement), expected,
    format('%s, tenant %L, user %s: %s', actor, tenant, coalesce(quote_literal(me), 'none'), name)
)
FROM (VALUES
    -- actor, tenant, user, send as ann, ben's messages, ben's unread count, read a1, accept a1,
    -- accept a4
    -- Own tenant: service may act for anybody in it, whoever else is signed in.
    ('service', 'acme', NULL, 'new', 'a4 a1', '1', 'read', 'a1', 'SM003'),
    ('service', 'acme', 'cid', 'new', 'a4 a1', '1', 'read', 'a1', 'SM003'),
    ('service login', 'acme', NULL, 'new', 'a4 a1', '1', 'read', 'a1', 'SM003'),
    ('superuser', 'acme', NULL, 'new', 'a4 a1', '1', 'read', 'a1', 'SM003'),

    -- Own tenant, app: the recipient reads and answers, the sender sends, a third user does
    -- neither.
    ('app', 'acme', 'ben', '42501', 'a4 a1', '1', 'read', 'a1', 'SM003'),
    ('app login', 'acme', 'ben', '42501', 'a4 a1', '1', 'read', 'a1', 'SM003'),
    ('both', 'acme', 'ben', '42501', 'a4 a1', '1', 'read', 'a1', 'SM003'),
    ('app', 'acme', 'ann', 'new', '42501', '42501', 'SM002', 'SM002', 'SM002'),
    ('app login', 'acme', 'ann', 'new', '42501', '42501', 'SM002', 'SM002', 'SM002'),
    ('both', 'acme', 'ann', 'new', '42501', '42501', 'SM002', 'SM002', 'SM002'),
    ('app', 'acme', 'cid', '42501', '42501', '42501', 'SM002', 'SM002', 'SM002'),

    -- Own tenant, no user, or one that only looks like one.
    ('app', 'acme', NULL, 'SM001', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('app', 'acme', '', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('both', 'acme', '', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('app', 'acme', 'Ben', '42501', '42501', '42501', 'SM002', 'SM002', 'SM002'),
    ('app', 'acme', 'gus', '42501', '42501', '42501', 'SM002', 'SM002', 'SM002'),
    ('app', 'acme', '%', '42501', '42501', '42501', 'SM002', 'SM002', 'SM002'),

    -- The other tenant: acme's ids mean nothing there, not even to a user who claims to be ann or
    -- ben.
    ('service', 'Acme', NULL, '23503', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('service login', 'Acme', NULL, '23503', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('superuser', 'Acme', NULL, '23503', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('app', 'Acme', 'ann', '23503', '42501', '42501', 'SM002', 'SM002', 'SM002'),
    ('app', 'Acme', 'ben', '42501', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('app', 'Acme', 'gus', '42501', '42501', '42501', 'SM002', 'SM002', 'SM002'),
    ('app login', 'Acme', 'ben', '42501', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('both', 'Acme', 'ben', '42501', 'nothing', '0', 'SM002', 'SM002', 'SM002'),

    ('service', 'nowhere', NULL, '23503', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('service', 'ACME', NULL, '23503', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('app', 'nowhere', 'ben', '42501', 'nothing', '0', 'SM002', 'SM002', 'SM002'),

    -- The owner may call what it owns, and the policies show it nothing and let it write nothing.
    ('owner', 'acme', 'ben', '42501', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('owner', 'Acme', 'gus', '42501', 'nothing', '0', 'SM002', 'SM002', 'SM002'),
    ('nobody', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('retention', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('retention login', 'Acme', NULL, '42501', '42501', '42501', '42501', '42501', '42501'),
    ('monitor', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501')
) AS matrix (actor, tenant, me, sent, messages, unread, marked, accepted, accepted_again)
CROSS JOIN LATERAL (VALUES
    ('send', sent), ('messages', messages), ('unread count', unread), ('mark read', marked),
    ('accept', accepted), ('accept again', accepted_again)
) AS try (name, expected)
JOIN operation USING (name);

-- The second half.
SELECT is(
    attempt(actor, tenant, me, statement), expected,
    format('%s, tenant %L, user %s: %s', actor, tenant, coalesce(quote_literal(me), 'none'), name)
)
FROM (VALUES
    -- actor, tenant, user, what ann sent, send batch as ann, mark all of ben's read, figures,
    -- export ben, page of a1
    ('service', 'acme', NULL, 'a4 a1', 'new', '1', '3,1,1,3', 'a1 a2 a3 a4 a5', 'a1'),
    ('service', 'acme', 'cid', 'a4 a1', 'new', '1', '3,1,1,3', 'a1 a2 a3 a4 a5', 'a1'),
    ('service login', 'acme', NULL, 'a4 a1', 'new', '1', '3,1,1,3', 'a1 a2 a3 a4 a5', 'a1'),
    ('superuser', 'acme', NULL, 'a4 a1', 'new', '1', '3,1,1,3', 'a1 a2 a3 a4 a5', 'a1'),

    ('app', 'acme', 'ben', '42501', '42501', '1', '3,1,1,3', 'a1 a2 a3 a4 a5', 'a1'),
    ('app login', 'acme', 'ben', '42501', '42501', '1', '3,1,1,3', 'a1 a2 a3 a4 a5', 'a1'),
    ('both', 'acme', 'ben', '42501', '42501', '1', '3,1,1,3', 'a1 a2 a3 a4 a5', 'a1'),
    ('app', 'acme', 'ann', 'a4 a1', 'new', '42501', '2,1,1,2', '42501', 'a1'),
    ('app login', 'acme', 'ann', 'a4 a1', 'new', '42501', '2,1,1,2', '42501', 'a1'),
    ('both', 'acme', 'ann', 'a4 a1', 'new', '42501', '2,1,1,2', '42501', 'a1'),
    ('app', 'acme', 'cid', '42501', '42501', '42501', '1,0,0,1', '42501', 'SM002'),

    ('app', 'acme', NULL, 'SM001', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('app', 'acme', '', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('both', 'acme', '', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('app', 'acme', 'Ben', '42501', '42501', '42501', '0,0,0,0', '42501', 'SM002'),
    ('app', 'acme', 'gus', '42501', '42501', '42501', '0,0,0,0', '42501', 'SM002'),
    ('app', 'acme', '%', '42501', '42501', '42501', '0,0,0,0', '42501', 'SM002'),

    ('service', 'Acme', NULL, 'nothing', '23503', '0', '2,0,0,2', 'nothing', 'SM002'),
    ('service login', 'Acme', NULL, 'nothing', '23503', '0', '2,0,0,2', 'nothing', 'SM002'),
    ('superuser', 'Acme', NULL, 'nothing', '23503', '0', '2,0,0,2', 'nothing', 'SM002'),
    ('app', 'Acme', 'ann', 'nothing', '23503', '42501', '0,0,0,0', '42501', 'SM002'),
    ('app', 'Acme', 'ben', '42501', '42501', '0', '0,0,0,0', 'nothing', 'SM002'),
    ('app', 'Acme', 'gus', '42501', '42501', '42501', '2,0,0,2', '42501', 'SM002'),
    ('app login', 'Acme', 'ben', '42501', '42501', '0', '0,0,0,0', 'nothing', 'SM002'),
    ('both', 'Acme', 'ben', '42501', '42501', '0', '0,0,0,0', 'nothing', 'SM002'),

    ('service', 'nowhere', NULL, 'nothing', '23503', '0', '0,0,0,0', 'nothing', 'SM002'),
    ('service', 'ACME', NULL, 'nothing', '23503', '0', '0,0,0,0', 'nothing', 'SM002'),
    ('app', 'nowhere', 'ben', '42501', '42501', '0', '0,0,0,0', 'nothing', 'SM002'),

    ('owner', 'acme', 'ben', 'nothing', '42501', '0', '0,0,0,0', 'nothing', 'SM002'),
    ('owner', 'Acme', 'gus', 'nothing', '42501', '0', '0,0,0,0', 'nothing', 'SM002'),
    ('nobody', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('retention', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('retention login', 'Acme', NULL, '42501', '42501', '42501', '42501', '42501', '42501'),
    ('monitor', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501')
) AS matrix (actor, tenant, me, sent_box, batch, all_read, figures, exported, page)
CROSS JOIN LATERAL (VALUES
    ('sent box', sent_box), ('send batch', batch), ('mark all read', all_read),
    ('figures', figures), ('export', exported), ('page', page)
) AS try (name, expected)
JOIN operation USING (name);

-- Erasing ben, and deleting all of acme that is old, answered and read. The latter names its tenant
-- and makes it the context: what the context was before makes no difference.
SELECT is(
    attempt(actor, tenant, me, statement), expected,
    format('%s, tenant %L, user %L: %s', actor, tenant, me, name)
)
FROM (VALUES
    ('retention', 'acme', '', '3,2', '2'),
    ('retention', 'acme', 'cid', '3,2', '2'),
    ('retention login', 'acme', '', '3,2', '2'),
    ('superuser', 'acme', '', '3,2', '2'),
    ('retention', 'Acme', '', '0,0', '2'),
    ('superuser', 'Acme', '', '0,0', '2'),
    ('retention', 'nowhere', '', '0,0', '2'),
    ('retention', '', '', 'SM001', '2'),
    ('owner', 'acme', '', '0,0', '0'),
    ('owner', '', '', 'SM001', '0'),
    ('service', 'acme', '', '42501', '42501'),
    ('service login', 'acme', '', '42501', '42501'),
    ('app', 'acme', 'ben', '42501', '42501'),
    ('both', 'acme', 'ben', '42501', '42501'),
    ('monitor', 'acme', '', '42501', '42501'),
    ('nobody', 'acme', 'ben', '42501', '42501')
) AS matrix (actor, tenant, me, erased, deleted)
CROSS JOIN LATERAL (VALUES
    ((SELECT name FROM erasure), (SELECT statement FROM erasure), erased),
    ('delete', $$SELECT delete_skill_messages('acme', now(), 100, false, false, false)$$, deleted)
) AS try (name, statement, expected);

SELECT is(
    act('retention', 'Acme', 'gus', $$SELECT delete_skill_messages('acme', '-infinity', 1, true,
        true, true)$$)
    || quote_literal(current_setting('app.current_tenant_id'))
    || quote_literal(current_setting('app.current_user_id')), $$0'acme'''$$,
    'delete_skill_messages() leaves its tenant in the context, and no user'
);

-- set_skill_message_context() is for the three roles and needs no context itself.
SELECT is(attempt(actor, tenant, '', statement), expected,
    format('%s in tenant %L: %s', actor, tenant, statement))
FROM (VALUES
    ('service'), ('app'), ('both'), ('retention'), ('owner'), ('monitor'), ('nobody')
) AS actors (actor)
CROSS JOIN (VALUES ('acme'), ('Acme'), ('')) AS tenants (tenant)
CROSS JOIN (VALUES
    ($$SELECT set_skill_message_context('acme', 'ann')$$, ''),
    ($$SELECT set_skill_message_context('acme')$$, ''),
    ($$SELECT set_skill_message_context(tenant_id => '', user_id => 'ann')$$, 'SM001'),
    ($$SELECT set_skill_message_context(tenant_id => NULL)$$, 'SM001')
) AS calls (statement, allowed)
CROSS JOIN LATERAL (
    SELECT CASE WHEN actor IN ('nobody', 'monitor') THEN '42501' ELSE allowed END
) AS want (expected);

-- It sets both, exactly as given; a second call leaves nothing of the first.
SELECT is(
    act('app', '', '', call)
    || quote_literal(current_setting('app.current_tenant_id')) || ' '
    || quote_literal(current_setting('app.current_user_id')),
    expected,
    format('%s sets %s', call, expected)
)
FROM (VALUES
    ($$SELECT set_skill_message_context('acme', 'ann')$$, $$'acme' 'ann'$$),
    ($$SELECT set_skill_message_context('Acme')$$, $$'Acme' ''$$),
    ($$SELECT set_skill_message_context('acme', 'ben')$$, $$'acme' 'ben'$$),
    ($$SELECT set_skill_message_context(user_id => NULL, tenant_id => 'acme')$$, $$'acme' ''$$),
    ($$SELECT set_skill_message_context('o''hara', 'x'' y')$$, $$'o''hara' 'x'' y'$$),
    ($$SELECT set_skill_message_context('a, b', 'default')$$, $$'a, b' 'default'$$),
    ($$SELECT set_skill_message_context('a\b', ' " ')$$, $$E'a\\b' ' " '$$),
    ($$SELECT set_skill_message_context('日本', '🧶')$$, $$'日本' '🧶'$$)
) AS calls (call, expected);

SELECT is(
    act('app', '', '', $$
        SELECT set_skill_message_context('acme', 'ann'), set_skill_message_context('Acme')
    $$) || current_setting('app.current_tenant_id') || current_setting('app.current_user_id'),
    ',Acme', 'the user of an earlier call does not linger'
);

-- Nor does it outlast the transaction. No test that rolls back sees that, but a function with a
-- setting of its own does: on its return it undoes what was SET LOCAL, and only that.
CREATE FUNCTION tap.elsewhere() RETURNS text
LANGUAGE plpgsql
SET app.current_tenant_id = 'before'
SET app.current_user_id = 'before'
AS $$
BEGIN
    PERFORM set_skill_message_context('acme', 'ann');
    RETURN current_setting('app.current_tenant_id') || current_setting('app.current_user_id');
END;
$$;

SELECT is(
    act('app', 'outer', 'one', 'SELECT tap.elsewhere()')
    || ' ' || current_setting('app.current_tenant_id') || current_setting('app.current_user_id'),
    'acmeann outerone', 'the context is local'
);

-- What it sets is what the operations then see, in the same transaction.
SELECT is(
    attempt('app', '', '', format(
        'SELECT m.id FROM set_skill_message_context(%L, %L), get_messages_for_user(%2$L) AS m',
        tenant, me)),
    expected,
    format('after set_skill_message_context(%L, %L), the messages of %2$s', tenant, me)
)
FROM (VALUES
    ('acme', 'ann', 'a5 a2'),
    ('acme', 'ben', 'a4 a1'),
    ('Acme', 'Ann', 'g2'),
    ('Acme', 'ann', 'nothing')
) AS calls (tenant, me, expected);

-- SM002: absent, of another tenant, and not received read the same, but for the id that the caller
-- gave.
SELECT is(
    complaint(actor, 'acme', 'ann', format(call, id)),
    format('SM002 message_id "%s": no such message', id),
    format('%s as ann in acme: %s, %s', actor, format(call, id), why)
)
FROM (VALUES
    ('SELECT mark_message_read(%L)'),
    ('SELECT id FROM update_message_status(%L, ''accepted'')'),
    ('SELECT id FROM update_message_status(message_id => %L, status => ''declined'')')
) AS calls (call)
CROSS JOIN (VALUES
    ('service', 'a9', 'absent'),
    ('service', 'g1', 'of another tenant, pending'),
    ('service', '', 'empty'),
    ('service', 'A1', 'in other letters'),
    ('service', '%', 'a pattern'),
    ('app', 'a9', 'absent'),
    ('app', 'g1', 'of another tenant, pending'),
    ('app', 'a3', 'between others'),
    ('app', 'a1', 'sent by herself, pending'),
    ('app', 'a4', 'sent by herself, accepted'),
    ('both', 'a1', 'sent by herself, pending')
) AS ids (actor, id, why);

SELECT is(
    (
        SELECT count(DISTINCT error.hint)
        FROM (VALUES
            ('SELECT mark_message_read(%L)'),
            ('SELECT id FROM update_message_status(%L, ''accepted'')')
        ) AS calls (call)
        CROSS JOIN (VALUES ('a9'), ('g1'), ('a3'), ('a1'), ('a4')) AS ids (id)
        CROSS JOIN tap.trial('app', 'acme', 'ann', format(call, id), false) AS error
    ),
    1::bigint, 'the hint is the same, too'
);

-- 42501: app names somebody else. The same words whether that user exists or not, here or
-- elsewhere.
SELECT is(
    complaint(actor, 'acme', 'ann', format(call, id)),
    format('42501 from_user_id or user_id: "%s" is not the signed-in user', id),
    format('%s as ann in acme: %s', actor, format(call, id))
)
FROM (VALUES ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('SELECT send_skill_message(%L, ''ann'', ''knots'', ''Hello'')'),
    ('SELECT id FROM get_messages_for_user(%L)'),
    ('SELECT id FROM get_messages_from_user(%L)'),
    ('SELECT get_unread_count_for_user(%L)'),
    ('SELECT mark_messages_read(%L)'),
    ('SELECT mark_messages_read(%L, ''-infinity'')')
) AS calls (call)
CROSS JOIN (VALUES ('ben'), ('gus'), ('nobody'), ('ANN'), (' ann'), ('')) AS ids (id);

-- SM001 says which setting lacks.
SELECT is(complaint(actor, tenant, '', call), expected,
    format('%s in tenant %L without a user: %s', actor, tenant, call))
FROM (VALUES
    ('service', '', 'SM001 app.current_tenant_id: no tenant in the context'),
    ('app', '', 'SM001 app.current_tenant_id: no tenant in the context'),
    ('app', 'acme', 'SM001 app.current_user_id: no user in the context')
) AS contexts (actor, tenant, expected)
CROSS JOIN (VALUES
    ($$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello')$$),
    ($$SELECT id FROM get_messages_for_user('ann')$$),
    ($$SELECT get_unread_count_for_user('ann')$$),
    ($$SELECT mark_message_read('a2')$$),
    ($$SELECT id FROM update_message_status('a2', 'accepted')$$),
    ($$SELECT id FROM get_messages_from_user('ann')$$),
    ($$SELECT send_skill_messages('[]')$$),
    ($$SELECT mark_messages_read('ann')$$),
    ($$SELECT pending FROM get_message_stats()$$),
    ($$SELECT line FROM export_user_messages('ann')$$),
    ($$SELECT id FROM get_skill_message('a2')$$)
) AS calls (call);

SELECT * FROM finish();
ROLLBACK;
