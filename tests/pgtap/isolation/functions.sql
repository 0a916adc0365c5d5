-- Who may do what through the functions: every function, by every actor, in its own tenant, in the
-- other one, in one that does not exist, with an empty tenant and with none ever set. What is
-- absent, of another tenant or none of the signed-in user's business is told apart by nothing.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(2029);

SELECT is_unless(
    brought_along(), current_setting('app.current_tenant_id', true), NULL,
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
    ('mark read', $$
        SELECT CASE mark_message_read('a1')
            WHEN date_trunc('milliseconds', now()) THEN 'read'
        END
    $$),
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
    ('page', $$SELECT id FROM get_skill_message('a1')$$),
    ('named messages', $$SELECT id FROM get_named_messages_for_user('ben')$$),
    ('named sent box', $$SELECT id FROM get_named_messages_from_user('ann')$$)
) AS o (name, statement);

CREATE TEMP TABLE erasure AS
SELECT *
FROM (VALUES ('erase', $$SELECT * FROM erase_user_messages('ben')$$)) AS o (name, statement);

-- Whoever cannot call a function is told so first.
PREPARE without_tenant (text, text) AS
SELECT is_unless(
    CASE WHEN $1 IS NULL THEN brought_along() END, attempt(actor, $1, me, statement),
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
SELECT is_unless(
    unbound(actor), attempt(actor, tenant, me, statement), expected,
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
    -- It is told so, and not that there is nothing.
    ('owner', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('owner', 'acme', NULL, '42501', '42501', '42501', '42501', '42501', '42501'),
    ('owner', 'Acme', 'gus', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('owner', 'nowhere', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('nobody', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('retention', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('retention login', 'Acme', NULL, '42501', '42501', '42501', '42501', '42501', '42501'),
    ('monitor', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501')
) AS matrix (actor, tenant, me, sent, messages, unread, marked, accepted, accepted_again)
CROSS JOIN LATERAL (VALUES
    ('send', sent), ('messages', messages), ('unread count', unread), ('mark read', marked),
    ('accept', accepted), ('accept again', accepted_again), ('named messages', messages)
) AS try (name, expected)
JOIN operation USING (name);

-- The second half.
SELECT is_unless(
    unbound(actor), attempt(actor, tenant, me, statement), expected,
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

    ('owner', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('owner', 'acme', NULL, '42501', '42501', '42501', '42501', '42501', '42501'),
    ('owner', 'Acme', 'gus', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('owner', 'nowhere', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('nobody', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('retention', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501'),
    ('retention login', 'Acme', NULL, '42501', '42501', '42501', '42501', '42501', '42501'),
    ('monitor', 'acme', 'ben', '42501', '42501', '42501', '42501', '42501', '42501')
) AS matrix (actor, tenant, me, sent_box, batch, all_read, figures, exported, page)
CROSS JOIN LATERAL (VALUES
    ('sent box', sent_box), ('send batch', batch), ('mark all read', all_read),
    ('figures', figures), ('export', exported), ('page', page), ('named sent box', sent_box)
) AS try (name, expected)
JOIN operation USING (name);

-- Erasing ben, and deleting all of acme that is old, answered and read. The latter names its tenant
-- and makes it the context, unless another one was chosen before.
SELECT is_unless(
    unbound(actor), attempt(actor, tenant, me, statement), expected,
    format('%s, tenant %L, user %L: %s', actor, tenant, me, name)
)
FROM (VALUES
    ('retention', 'acme', '', '3,2', '2'),
    ('retention', 'acme', 'cid', '3,2', '2'),
    ('retention login', 'acme', '', '3,2', '2'),
    ('superuser', 'acme', '', '3,2', '2'),
    ('retention', 'Acme', '', '0,0', 'SM005'),
    ('retention login', 'Acme', 'gus', '0,0', 'SM005'),
    ('superuser', 'Acme', '', '0,0', 'SM005'),
    ('retention', 'nowhere', '', '0,0', 'SM005'),
    ('retention', '', '', 'SM001', '2'),
    -- This is a helper: purge_skill_messages() asks for the rights of retention before it calls it.
    ('owner', 'acme', '', '42501', '0'),
    ('owner', 'Acme', '', '42501', 'SM005'),
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
    ('delete', $$
        SELECT skill_messages_private.delete_skill_messages(
            'acme', now(), 100, false, false, false)
    $$, deleted)
) AS try (name, statement, expected);

SELECT is(
    act('retention', 'acme', 'gus', $$
        SELECT skill_messages_private.delete_skill_messages(
            'acme', '-infinity', 1, true, true, true)
    $$)
    || quote_literal(current_setting('app.current_tenant_id'))
    || quote_literal(current_setting('app.current_user_id')), $$0'acme'''$$,
    'delete_skill_messages() leaves its tenant in the context, and no user'
);

-- set_skill_message_context() is for the three roles and needs no context itself. It takes no other
-- tenant than the one that was chosen before, and of app no other user; '' is none, so that app
-- chooses tenant and user at once.
SELECT is(attempt(actor, tenant, '', statement), expected,
    format('%s in tenant %L: %s', actor, tenant, statement))
FROM (VALUES
    ('service'), ('app'), ('both'), ('retention'), ('owner'), ('superuser'), ('monitor'), ('nobody')
) AS actors (actor)
CROSS JOIN (VALUES ('acme'), ('Acme'), ('')) AS tenants (tenant)
CROSS JOIN (VALUES
    ($$SELECT set_skill_message_context('acme', 'ann')$$, 'ann'),
    ($$SELECT set_skill_message_context('acme')$$, ''),
    ($$SELECT set_skill_message_context(tenant_id => '', user_id => 'ann')$$, 'SM001'),
    ($$SELECT set_skill_message_context(tenant_id => NULL)$$, 'SM001')
) AS calls (statement, user_id)
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN actor IN ('nobody', 'monitor') THEN '42501'
        WHEN user_id = 'SM001' THEN 'SM001'
        WHEN tenant = 'Acme' THEN 'SM005'
        WHEN tenant = 'acme' AND user_id = 'ann' AND actor IN ('app', 'both') THEN 'SM005'
        ELSE ''
    END
) AS want (expected);

-- It sets both, exactly as given.
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
    act('service', '', '', $$
        SELECT set_skill_message_context('acme', 'ann'), set_skill_message_context('acme')
    $$) || current_setting('app.current_tenant_id') || current_setting('app.current_user_id'),
    ',acme', 'the user of an earlier call does not linger'
);

-- At most 255 bytes each, and the one that is longer is named.
SELECT is(complaint(actor, '', '', statement), expected, actor || ': ' || what)
FROM (VALUES ('service'), ('app'), ('retention')) AS actors (actor)
CROSS JOIN (VALUES
    ('255 bytes', $$SELECT set_skill_message_context(repeat('t', 255), repeat('ü', 127) || 'x')$$,
        'no error: '),
    ('a tenant of 256 bytes', $$SELECT set_skill_message_context(repeat('t', 256), 'ann')$$,
        '22023 tenant_id is longer than 255 bytes'),
    ('a tenant of 128 characters and 256 bytes',
        $$SELECT set_skill_message_context(repeat('ü', 128))$$,
        '22023 tenant_id is longer than 255 bytes'),
    ('a user of 256 bytes', $$SELECT set_skill_message_context('acme', repeat('u', 256))$$,
        '22023 user_id is longer than 255 bytes'),
    ('both', $$SELECT set_skill_message_context(repeat('t', 256), repeat('u', 256))$$,
        '22023 tenant_id is longer than 255 bytes')
) AS calls (what, statement, expected);

-- One transaction, one tenant, and for app one user: whether the function chose them, set_config or
-- SET. The same again is fine. What a connection has as its default cannot be tried in here.
CREATE FUNCTION choose_and_undo(tenant text, me text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_skill_message_context(tenant, me);
    RAISE SQLSTATE 'UNDO1';
EXCEPTION
    WHEN SQLSTATE 'UNDO1' THEN
        NULL;
END;
$$;

CREATE FUNCTION choose_by_set(scope text, tenant text, me text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('SET %s app.current_tenant_id = %L', scope, tenant);
    EXECUTE format('SET %s app.current_user_id = %L', scope, me);
END;
$$;

SELECT is(
    attempt(actor, '', '', format(
        'SELECT %s, %s, '''', current_setting(''app.current_tenant_id''), '
        'current_setting(''app.current_user_id'')', calls.first, calls.second)),
    CASE
        WHEN outcome = 'another tenant' THEN 'SM005'
        WHEN outcome = 'another user' AND actor IN ('app', 'app login', 'both') THEN 'SM005'
        ELSE ',,,' || chosen
    END,
    format('%s: %s, then %s: %s', actor, one_line(calls.first), calls.second,
        outcome)
)
FROM (VALUES
    ('service'), ('service login'), ('app'), ('app login'), ('both'), ('retention'), ('superuser')
) AS actors (actor)
CROSS JOIN (VALUES
    -- By the function.
    ($$set_skill_message_context('acme', 'ann')$$, $$set_skill_message_context('acme', 'ann')$$,
        'the same', 'acme,ann'),
    ($$set_skill_message_context('acme', 'ann')$$, $$set_skill_message_context('Acme', 'ann')$$,
        'another tenant', NULL),
    ($$set_skill_message_context('acme', 'ann')$$, $$set_skill_message_context('Acme')$$,
        'another tenant', NULL),
    ($$set_skill_message_context('acme', 'ann')$$, $$set_skill_message_context('acme', 'ben')$$,
        'another user', 'acme,ben'),
    ($$set_skill_message_context('acme', 'ann')$$, $$set_skill_message_context('acme', 'Ann')$$,
        'another user', 'acme,Ann'),
    ($$set_skill_message_context('acme', 'ann')$$, $$set_skill_message_context('acme')$$,
        'another user', 'acme,'),
    ($$set_skill_message_context('acme')$$, $$set_skill_message_context('acme', 'ann')$$,
        'another user', 'acme,ann'),
    ($$set_skill_message_context('acme')$$, $$set_skill_message_context('acme', '')$$,
        'the same', 'acme,'),

    -- By set_config and SET, for the transaction and for the session.
    ($$choose_by_set('LOCAL', 'acme', 'ann')$$, $$set_skill_message_context('acme', 'ann')$$,
        'the same', 'acme,ann'),
    ($$choose_by_set('LOCAL', 'acme', 'ann')$$, $$set_skill_message_context('Acme', 'ann')$$,
        'another tenant', NULL),
    ($$choose_by_set('LOCAL', 'acme', 'ann')$$, $$set_skill_message_context('acme', 'ben')$$,
        'another user', 'acme,ben'),
    ($$choose_by_set('SESSION', 'acme', 'ann')$$, $$set_skill_message_context('acme', 'ann')$$,
        'the same', 'acme,ann'),
    ($$choose_by_set('SESSION', 'acme', 'ann')$$, $$set_skill_message_context('Acme', 'ann')$$,
        'another tenant', NULL),
    ($$set_config('app.current_tenant_id', 'acme', true)$$,
        $$set_skill_message_context('Acme', 'ann')$$, 'another tenant', NULL),
    ($$set_config('app.current_tenant_id', 'acme', false)$$,
        $$set_skill_message_context('Acme', 'ann')$$, 'another tenant', NULL),

    -- A tenant without a user admits no later choice of a user, nor a user alone another one.
    ($$choose_by_set('LOCAL', 'acme', '')$$, $$set_skill_message_context('acme', 'ann')$$,
        'another user', 'acme,ann'),
    ($$choose_by_set('LOCAL', 'acme', '')$$, $$set_skill_message_context('acme')$$,
        'the same', 'acme,'),
    ($$choose_by_set('LOCAL', '', 'ann')$$, $$set_skill_message_context('acme', 'ben')$$,
        'another user', 'acme,ben'),
    ($$choose_by_set('LOCAL', '', 'ann')$$, $$set_skill_message_context('acme', 'ann')$$,
        'the same', 'acme,ann'),

    -- What a savepoint took back was not chosen.
    ($$choose_and_undo('acme', 'ann')$$, $$set_skill_message_context('Acme', 'Ann')$$,
        'nothing chosen', 'Acme,Ann'),

    -- The mark of the first choice, forged or washed off.
    ($$set_config('skill_messages.tenant_id', 'acme', true)$$,
        $$set_skill_message_context('Acme', 'Ann')$$, 'another tenant', NULL),
    ($$set_skill_message_context('acme', 'ann'), set_config('skill_messages.tenant_id', '', true)$$,
        $$set_skill_message_context('Acme', 'ann')$$, 'another tenant', NULL),
    ($$set_skill_message_context('acme', 'ann'),
        set_config('app.current_tenant_id', 'Acme', true)$$,
        $$set_skill_message_context('Acme', 'ann')$$, 'another tenant', NULL)
) AS calls (first, second, outcome, chosen);

-- Two errors, which tell nothing of who was chosen before.
SELECT is(
    complaint(actor, 'acme', 'ann', statement), 'SM005 ' || expected, actor || ': ' || expected
)
FROM (VALUES
    ('service', $$SELECT set_skill_message_context('Acme', 'ann')$$,
        'tenant_id: this transaction or session acts for another tenant'),
    ('retention', $$SELECT set_skill_message_context('Acme')$$,
        'tenant_id: this transaction or session acts for another tenant'),
    ('app', $$SELECT set_skill_message_context('Acme', 'Ann')$$,
        'tenant_id: this transaction or session acts for another tenant'),
    ('app', $$SELECT set_skill_message_context('acme', 'ben')$$,
        'user_id: this transaction or session acts for another user, or for none'),
    ('app', $$SELECT set_skill_message_context('acme')$$,
        'user_id: this transaction or session acts for another user, or for none')
) AS refusals (actor, statement, expected);

-- Nor does it outlast the transaction. No test that rolls back sees that, but a function with a
-- setting of its own does: on its return it undoes what was SET LOCAL, and only that.
CREATE FUNCTION elsewhere() RETURNS text
LANGUAGE plpgsql
SET app.current_tenant_id = ''
SET app.current_user_id = ''
SET skill_messages.tenant_id = ''
AS $$
BEGIN
    PERFORM set_skill_message_context('acme', 'ann');
    RETURN current_setting('app.current_tenant_id') || current_setting('app.current_user_id');
END;
$$;

SELECT is(
    act('app', 'outer', 'one', 'SELECT elsewhere()')
    || ' ' || current_setting('app.current_tenant_id') || current_setting('app.current_user_id')
    || current_setting('skill_messages.tenant_id'),
    'acmeann outerone', 'the context is local'
);

-- What it sets is what the operations then see, in the same transaction.
SELECT is(
    attempt('app', '', '', format(
        'SELECT (m).id FROM (SELECT get_messages_for_user(%2$L) AS m '
        'FROM set_skill_message_context(%1$L, %2$L)) AS inbox', tenant, me)),
    expected,
    format('after set_skill_message_context(%L, %L), the messages of %2$s', tenant, me)
)
FROM (VALUES
    ('acme', 'ann', 'a5 a2'),
    ('acme', 'ben', 'a4 a1'),
    ('Acme', 'Ann', 'g2'),
    ('Acme', 'ann', 'nothing')
) AS calls (tenant, me, expected);

-- Where the user is left out, it is the one in the context, for those who may name it, too. Without
-- one there, nobody is meant, least of all everybody.
SELECT is_unless(
    unbound(actor), attempt(actor, tenant, me, format(call, argument)), expected,
    format('%s, tenant %L, user %L: %s', actor, tenant, me, format(call, argument))
)
FROM (VALUES (''), ('NULL'), ('user_id => NULL')) AS arguments (argument)
CROSS JOIN (VALUES
    -- actor, tenant, user, the messages received and sent, how many unread, how many marked read,
    -- all of them
    ('app', 'acme', 'ann', 'a5 a2', 'a4 a1', '1', '1', 'a1 a2 a4 a5'),
    ('app', 'acme', 'ben', 'a4 a1', 'a5 a3 a2', '1', '1', 'a1 a2 a3 a4 a5'),
    ('app login', 'acme', 'cid', 'a3', 'nothing', '1', '1', 'a3'),
    ('both', 'acme', 'ann', 'a5 a2', 'a4 a1', '1', '1', 'a1 a2 a4 a5'),
    ('app', 'Acme', 'gus', 'g1', 'g2', '1', '1', 'g1 g2'),
    ('app', 'Acme', 'ann', 'nothing', 'nothing', '0', '0', 'nothing'),
    ('service', 'acme', 'ann', 'a5 a2', 'a4 a1', '1', '1', 'a1 a2 a4 a5'),
    ('service login', 'Acme', 'gus', 'g1', 'g2', '1', '1', 'g1 g2'),
    ('service', 'acme', 'gus', 'nothing', 'nothing', '0', '0', 'nothing'),
    ('superuser', 'acme', 'ann', 'a5 a2', 'a4 a1', '1', '1', 'a1 a2 a4 a5'),
    ('service', 'acme', '', '22023', '22023', '22023', '22023', '22023'),
    ('service', 'acme', NULL, '22023', '22023', '22023', '22023', '22023'),
    ('superuser', 'acme', '', '22023', '22023', '22023', '22023', '22023'),
    ('app', 'acme', '', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('both', 'acme', NULL, 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('service', '', 'ann', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('app', '', 'ann', 'SM001', 'SM001', 'SM001', 'SM001', 'SM001'),
    ('owner', 'acme', 'ann', '42501', '42501', '42501', '42501', '42501'),
    ('retention', 'acme', 'ann', '42501', '42501', '42501', '42501', '42501'),
    ('nobody', 'acme', 'ann', '42501', '42501', '42501', '42501', '42501')
) AS matrix (actor, tenant, me, received, sent, unread, marked, exported)
CROSS JOIN LATERAL (VALUES
    ('SELECT id FROM get_messages_for_user(%s)', received),
    ('SELECT id FROM get_messages_from_user(%s)', sent),
    ('SELECT id FROM get_named_messages_for_user(%s)', received),
    ('SELECT id FROM get_named_messages_from_user(%s)', sent),
    ('SELECT get_unread_count_for_user(%s)', unread),
    ('SELECT mark_messages_read(%s)', marked),
    ('SELECT line ->> ''id'' FROM export_user_messages(%s) ORDER BY line ->> ''id''', exported)
) AS calls (call, expected);

SELECT is(
    complaint(actor, 'acme', '', call), '22023 user_id is null', format('%s: %s', actor, call)
)
FROM (VALUES
    ('service', 'SELECT id FROM get_messages_for_user()'),
    ('service', 'SELECT id FROM get_messages_from_user()'),
    ('service', 'SELECT id FROM get_named_messages_for_user()'),
    ('service', 'SELECT id FROM get_named_messages_from_user()'),
    ('service', 'SELECT get_unread_count_for_user()'),
    ('service', 'SELECT mark_messages_read()'),
    ('service', 'SELECT line FROM export_user_messages()'),
    ('retention', 'SELECT deleted FROM erase_user_messages(NULL)')
) AS calls (actor, call);

-- Never where something is erased.
SELECT is(attempt(actor, 'acme', 'ann', call), expected, format('%s: %s', actor, call))
FROM (VALUES
    ('retention', 'SELECT deleted FROM erase_user_messages()', '42883'),
    ('retention', 'SELECT deleted FROM erase_user_messages(keep_decided => false)', '42883'),
    ('retention', 'SELECT deleted FROM erase_user_messages(NULL)', '22023'),
    ('superuser', 'SELECT deleted FROM erase_user_messages(user_id => NULL)', '22023')
) AS calls (actor, call, expected);

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
    ('SELECT id FROM update_message_status(message_id => %L, status => ''declined'')'),
    ('SELECT id FROM get_skill_message(%L)')
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
) AS ids (actor, id, why)
-- She may look at what she sent.
WHERE call !~ 'get_skill_message' OR why !~ 'sent by herself';

SELECT is(
    (
        SELECT count(DISTINCT error.hint)
        FROM (VALUES
            ('SELECT mark_message_read(%L)'),
            ('SELECT id FROM update_message_status(%L, ''accepted'')'),
            ('SELECT id FROM get_skill_message(%L)')
        ) AS calls (call)
        CROSS JOIN (VALUES ('a9'), ('g1'), ('a3'), ('a1'), ('a4')) AS ids (id)
        CROSS JOIN trial('app', 'acme', 'ann', format(call, id), false) AS error
    ),
    1::bigint, 'the hint is the same, too'
);

-- 42501: app names somebody else. The same words whether that user exists or not, here or
-- elsewhere. The argument is named as the function calls it.
SELECT is(
    complaint(actor, 'acme', 'ann', format(call, id)),
    format('42501 %s: "%s" is not the signed-in user', argument, id),
    format('%s as ann in acme: %s', actor, format(call, id))
)
FROM (VALUES ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('from_user_id', 'SELECT send_skill_message(%L, ''ann'', ''knots'', ''Hello'')'),
    ('message 1: from_user_id', 'SELECT send_skill_messages(jsonb_build_array(jsonb_build_object('
        '''from_user_id'', text %L, ''to_user_id'', ''ann'', ''subject_skill_id'', ''knots'', '
        '''message'', ''Hello'')))'),
    ('user_id', 'SELECT id FROM get_messages_for_user(%L)'),
    ('user_id', 'SELECT id FROM get_messages_from_user(%L)'),
    ('user_id', 'SELECT id FROM get_named_messages_for_user(%L)'),
    ('user_id', 'SELECT id FROM get_named_messages_from_user(%L)'),
    ('user_id', 'SELECT get_unread_count_for_user(%L)'),
    ('user_id', 'SELECT mark_messages_read(%L)'),
    ('user_id', 'SELECT mark_messages_read(%L, ''-infinity'')'),
    ('user_id', 'SELECT mark_messages_read(%L, message_ids => ''{a1}'')'),
    ('user_id', 'SELECT line FROM export_user_messages(%L)')
) AS calls (argument, call)
CROSS JOIN (VALUES ('ben'), ('gus'), ('nobody'), ('ANN'), (' ann'), ('')) AS ids (id);

-- No more of it than 100 characters.
SELECT is(
    complaint('app', 'acme', 'ann', format('SELECT id FROM get_messages_for_user(%L)',
        repeat('ü', 100) || repeat('x', 1000))),
    format('42501 user_id: "%s" is not the signed-in user', repeat('ü', 100)),
    'of a long user_id the error shows the beginning'
);

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
    ($$SELECT id FROM get_skill_message('a2')$$),
    ('SELECT id FROM get_messages_for_user()'),
    ('SELECT id FROM get_messages_from_user()'),
    ('SELECT id FROM get_named_messages_for_user()'),
    ('SELECT id FROM get_named_messages_from_user()'),
    ('SELECT get_unread_count_for_user()'),
    ('SELECT mark_messages_read()'),
    ('SELECT line FROM export_user_messages()')
) AS calls (call);

SELECT is(complaint('retention', '', '', $$SELECT deleted FROM erase_user_messages('ann')$$),
    'SM001 app.current_tenant_id: no tenant in the context', 'retention erases without a tenant');

-- Never silently empty: who has the rights of neither role is told so, with the GRANT that helps,
-- where the answer would be nothing, 0 or SM002.
SELECT is_unless(
    unbound('owner'),
    (
        SELECT (t.code, t.message, t.hint)::text
        FROM trial('owner', 'acme', 'ben', statement, false) AS t
    ),
    (
        '42501',
        CASE WHEN try.name = 'send batch' THEN 'message 1: ' ELSE '' END
            || format('%s does not have the rights of %s', a.role, rights),
        format('GRANT %s TO %I%s', split_part(rights, ' ', 1), a.role,
            CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN ' WITH INHERIT TRUE' ELSE '' END)
    )::text,
    'the owner is told what it lacks: ' || try.name
)
FROM (
    SELECT name, statement, 'skill_messages_service or skill_messages_app' FROM operation
    UNION ALL
    SELECT name, statement, 'skill_messages_retention' FROM erasure
    UNION ALL
    SELECT 'purge', 'CALL purge_skill_messages(''1 day'')', 'skill_messages_retention'
) AS try (name, statement, rights)
CROSS JOIN actor AS a
WHERE a.name = 'owner';

-- What it is told helps, and then nothing is nothing.
-- From 16 on, the creator of a role is a member that does not inherit, until it is granted that.
SELECT role AS owner,
    CASE WHEN current_setting('server_version_num')::int >= 160000
        THEN 'WITH INHERIT TRUE' ELSE '' END
        AS inherit
FROM actor WHERE name = 'owner' \gset
GRANT skill_messages_service TO :"owner" :inherit;

SELECT is_unless(unbound('owner'), attempt('owner', tenant, me, statement), expected,
    format('owner in role service, tenant %L, user %L: %s', tenant, me, name))
FROM (VALUES
    ('acme', '', 'new', 'a4 a1', '1', 'read', 'a1', 'SM003', 'a4 a1', 'new', '1', '3,1,1,3',
        'a1 a2 a3 a4 a5', 'a1'),
    ('nowhere', 'ben', '23503', 'nothing', '0', 'SM002', 'SM002', 'SM002', 'nothing', '23503', '0',
        '0,0,0,0', 'nothing', 'SM002')
) AS matrix (tenant, me, sent, messages, unread, marked, accepted, accepted_again, sent_box, batch,
    all_read, figures, exported, page)
CROSS JOIN LATERAL (VALUES
    ('send', sent), ('messages', messages), ('unread count', unread), ('mark read', marked),
    ('accept', accepted), ('accept again', accepted_again), ('sent box', sent_box),
    ('send batch', batch), ('mark all read', all_read), ('figures', figures), ('export', exported),
    ('page', page), ('named messages', messages), ('named sent box', sent_box)
) AS try (name, expected)
JOIN operation USING (name);

-- A role that is granted without its rights is none.
REVOKE skill_messages_service FROM :"owner";
CREATE ROLE skill_messages_test_idle LOGIN NOINHERIT IN ROLE skill_messages_service;
INSERT INTO actor VALUES ('idle', 'skill_messages_test_idle');
GRANT EXECUTE ON FUNCTION get_messages_for_user TO skill_messages_test_idle;
GRANT USAGE ON SCHEMA skill_messages_private TO skill_messages_test_idle;
GRANT SELECT ON skill_messages TO skill_messages_test_idle;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA skill_messages_private TO skill_messages_test_idle;

SELECT is(
    complaint('idle', 'acme', 'ben', $$SELECT id FROM get_messages_for_user('ben')$$),
    '42501 skill_messages_test_idle does not have the rights of skill_messages_service or '
    'skill_messages_app',
    'a member without the rights of its role is told so, even if it may call the function'
);

-- The ids of another tenant are free, and mean the own message. The rows of the other tenant stay
-- as they are, whatever happens here. Each step is kept.
CREATE TEMP TABLE before AS SELECT * FROM fixture_messages;

SELECT is(act(actor, tenant, me, statement), expected,
    format('step %s, %s as %s in %s: %s', step, actor, me, tenant, what))
FROM (VALUES
    (1, 'app', 'acme', 'ann', 'sends with an id of Acme',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Ours', id => 'g1')$$, 'g1'),
    (2, 'app', 'acme', 'ann', 'sends it again',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Ours', id => 'g1')$$, 'g1'),
    (3, 'app', 'acme', 'ann', 'sends something else with it',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Theirs', id => 'g1')$$, 'SM004'),
    (4, 'service', 'acme', '', 'a batch with another', $$
        SELECT array_to_string(send_skill_messages('[{"from_user_id": "ben", "to_user_id": "ann",
            "subject_skill_id": "ropes", "message": "Ours", "id": "g2"}]'), ' ')
    $$, 'g2'),
    (5, 'service', 'Acme', '', 'inserts with an id of acme', $$
        INSERT INTO skill_messages
            (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('a1', 'Acme', 'gus', 'Ann', 'winds', 'Of Acme')
    $$, '1 rows'),
    (6, 'app', 'acme', 'ben', 'reads the own one', $$SELECT message FROM get_skill_message('g1')$$,
        'Ours'),
    (7, 'app', 'Acme', 'gus', 'reads the own one', $$SELECT message FROM get_skill_message('g1')$$,
        'Mine under yours?'),
    (8, 'app', 'Acme', 'Ann', 'reads the own one', $$SELECT message FROM get_skill_message('a1')$$,
        'Of Acme'),
    (9, 'app', 'acme', 'ben', 'marks the own one read',
        $$SELECT mark_message_read('g1') = date_trunc('milliseconds', now())$$, 'true'),
    (10, 'app', 'acme', 'ben', 'accepts the own one',
        $$SELECT message FROM update_message_status('g1', 'accepted')$$, 'Ours'),
    (11, 'service', 'acme', '', 'marks the other one, too',
        $$SELECT mark_messages_read('ann', message_ids => '{g1,g2,a1}')$$, '1'),
    (12, 'app', 'Acme', 'gus', 'has the own one to read', 'SELECT get_unread_count_for_user()',
        '1'),
    (13, 'retention', 'acme', '', 'erases ann',
        $$SELECT * FROM erase_user_messages('ann')$$, '3,3'),
    (14, 'retention', 'acme', '', 'erases ann, and what was decided',
        $$SELECT * FROM erase_user_messages('ann', false)$$, '3,0'),
    (15, 'retention', 'acme', '', 'deletes what is left', $$
        SELECT skill_messages_private.delete_skill_messages(
            'acme', 'infinity', 100, true, true, false)
    $$, '1')
) AS story (step, actor, tenant, me, what, statement, expected);

SELECT bag_eq(
    $$SELECT to_jsonb(m) FROM fixture_messages AS m WHERE id <> 'a1'$$,
    $$SELECT to_jsonb(b) FROM before AS b WHERE tenant_id = 'Acme'$$,
    'the messages of Acme are as they were'
);

SELECT is(
    (SELECT concat_ws(' ', tenant_id, message, status, read_at) FROM fixture_messages
    WHERE id = 'a1'),
    'Acme Of Acme pending', 'and so is what has an id of acme'
);

-- Whom no policy binds, a superuser or a backup, is kept to the tenant by the functions themselves:
-- with twins in both tenants, which differ in their text alone. A host whose ids are unique across
-- tenants has no such users.
\if :ids_are_shared
CALL add_user('Acme', 'ann', 'Ann');
CALL add_user('Acme', 'ben', 'Ben');
CALL add_skill('Acme', 'knots', 'Knots');
DELETE FROM fixture_messages;
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
VALUES
    ('twin', 'acme', 'ann', 'ben', 'knots', 'Ours'),
    ('twin', 'Acme', 'ann', 'ben', 'knots', 'Theirs');

CREATE FUNCTION other_twin() RETURNS text
LANGUAGE sql VOLATILE
AS $$
    SELECT concat_ws(' ', message, status, read_at)
    FROM skill_messages WHERE tenant_id = 'Acme' AND id = 'twin'
$$;

SELECT is(
    act('superuser', 'acme', me, statement) || ', ' || other_twin(),
    expected || ', Theirs pending', 'superuser: ' || one_line(statement)
)
FROM (VALUES
    (1, '', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Ours', id => 'twin')$$, 'twin'),
    (2, '', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Theirs', id => 'twin')$$, 'SM004'),
    (3, '', $$SELECT send_skill_messages('[{"from_user_id": "ann", "to_user_id": "ben",
        "subject_skill_id": "knots", "message": "Theirs", "id": "twin"}]')$$, 'SM004'),
    (4, '', $$SELECT message FROM get_skill_message('twin')$$, 'Ours'),
    (5, '', $$SELECT message FROM get_messages_for_user('ben')$$, 'Ours'),
    (6, 'ann', 'SELECT message FROM get_messages_from_user()', 'Ours'),
    (7, '', $$SELECT message FROM get_named_messages_for_user('ben')$$, 'Ours'),
    (8, 'ann', 'SELECT message FROM get_named_messages_from_user()', 'Ours'),
    (9, '', $$SELECT get_unread_count_for_user('ben')$$, '1'),
    (10, '', $$SELECT get_unread_count_for_user('ben', 99)$$, '1'),
    (11, '', $$SELECT line ->> 'message' FROM export_user_messages('ben')$$, 'Ours'),
    (12, '', $$SELECT line ->> 'message' FROM export_user_messages('ann')$$, 'Ours'),
    (13, '', 'SELECT pending, unread FROM get_message_stats()', '1,1'),
    (14, '', $$SELECT mark_messages_read('ben', message_ids => '{twin}')$$, '1'),
    (15, '', $$SELECT mark_messages_read('ben', 'infinity')$$, '0'),
    (16, '', $$SELECT mark_message_read('twin') = date_trunc('milliseconds', now())$$, 'true'),
    (17, '', $$SELECT message FROM update_message_status('twin', 'accepted')$$, 'Ours'),
    (18, '', $$SELECT message FROM update_message_status('twin', 'accepted')$$, 'SM003'),
    (19, '', $$SELECT * FROM erase_user_messages('ann')$$, '0,1'),
    (20, '', $$SELECT skill_messages_private.delete_skill_messages(
        'acme', 'infinity', 100, true, true, true)$$, '1'),
    (21, '', $$SELECT skill_messages_private.delete_skill_messages(
        'acme', 'infinity', 100, true, true, false)$$, '1'),
    (22, '', $$SELECT id FROM get_messages_for_user('ben')$$, 'nothing')
) AS story (step, me, statement, expected);
\else
SELECT skip('the host''s ids are unique across tenants', 22);
\endif

SELECT * FROM finish();
ROLLBACK;
