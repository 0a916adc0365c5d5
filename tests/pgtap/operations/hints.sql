-- What an error says, to the letter: SQLSTATE, message and hint. A developer acts on the hint, so a
-- wrong one costs more than none. When each error is raised is in the other files.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(92);

CREATE FUNCTION said(actor text, tenant text, me text, statement text) RETURNS text
LANGUAGE sql
AS $$
    SELECT CASE WHEN t.code IS NULL THEN 'no error: ' || t.gave
        ELSE concat_ws(E'\n', t.code || ' ' || t.message, t.hint) END
    FROM trial(actor, tenant, me, statement, false) AS t
$$;

-- No context.
SELECT is(said(actor, tenant, '', statement), E'SM001 app.current_tenant_id: no tenant in the '
    'context\nFirst call set_skill_message_context() in this transaction.',
    format('%s without a tenant: %s', actor, statement))
FROM (VALUES ('service', ''), ('app', ''), ('retention', '')) AS actors (actor, tenant)
CROSS JOIN (VALUES
    ('app service', $$SELECT id FROM get_skill_message('a1')$$),
    ('app service', $$SELECT id FROM get_messages_for_user('ann')$$),
    ('app service', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello')$$),
    ('retention', $$SELECT * FROM erase_user_messages('ann')$$)
) AS calls (who, statement)
WHERE who ~ actor;

SELECT is(said('app', 'acme', '', statement), E'SM001 app.current_user_id: no user in the context\n'
    'First call set_skill_message_context() with the signed-in user in this transaction.',
    'app without a user: ' || statement)
FROM (VALUES
    ($$SELECT id FROM get_skill_message('absent')$$),
    ($$SELECT id FROM get_messages_for_user('ann')$$),
    ($$SELECT get_unread_count_for_user()$$)
) AS calls (statement);

-- Arguments.
SELECT is(said(actor, 'acme', 'ann', statement), concat_ws(E'\n', error, hint),
    format('%s: %s', actor, one_line(statement)))
FROM (VALUES ('app'), ('service')) AS actors (actor)
CROSS JOIN (VALUES
    ($$SELECT set_skill_message_context('')$$, 'SM001 tenant_id: no tenant given',
        'Give the id of the tenant on whose behalf this transaction runs.'),
    ($$SELECT set_skill_message_context(repeat('x', 256), 'ann')$$,
        '22023 tenant_id is longer than 255 bytes',
        'Give the id of a tenant and the id of one of its users.'),
    ($$SELECT set_skill_message_context('acme', repeat('é', 128))$$,
        '22023 user_id is longer than 255 bytes',
        'Give the id of a tenant and the id of one of its users.'),
    ($$SELECT set_skill_message_context('Acme', 'ann')$$,
        'SM005 tenant_id: this transaction or session acts for another tenant',
        'End the transaction first. If the session has set app.current_tenant_id, RESET it.'),
    ($$SELECT id FROM get_messages_for_user('ann', 0)$$, '22023 max_messages is 0',
        'Ask for 1 to 1000 messages. The before_ arguments give the next page.'),
    ($$SELECT id FROM get_messages_for_user('ann', 5, before_id => 'a1')$$,
        '22023 before_created_at and before_id: one is given, the other is null',
        'Give both, from the last message of the page before, or neither.'),
    ($$SELECT get_unread_count_for_user('ann', 0)$$, '22023 at_most is 0',
        'Count to 1 or more, or leave it out to count all.'),
    ($$SELECT mark_messages_read(message_ids => array_fill(text 'a1', '{1001}'))$$,
        '22023 message_ids has 1001 elements', 'Give at most 1000 ids at once.'),
    ($$SELECT mark_message_read('absent')$$, 'SM002 message_id "absent": no such message',
        'Give the id of a message of the tenant and the user in the context.'),
    ($$SELECT id FROM update_message_status('a2', 'maybe')$$,
        '23514 status "maybe" is not a decision', 'Decide with accepted or declined.'),
    ($$SELECT id FROM update_message_status('a5', 'accepted')$$,
        'SM003 message_id "a5": already accepted or declined',
        'A decision is final. Send a new message to propose again.'),
    ($$SET TRANSACTION READ ONLY; SELECT mark_message_read('a2')$$,
        '25006 mark_message_read: the transaction is read-only',
        'Call it in a READ WRITE transaction.'),

    -- Sending. The hint about a constraint is its comment.
    ($$SELECT send_skill_message('ann', NULL, 'knots', 'Hello')$$, '22023 to_user_id is null',
        'Give to_user_id a value.'),
    ($$SELECT send_skill_message('ann', 'absent', 'knots', 'Hello')$$, '23503 unknown to_user_id',
        'Give the id of a user of the current tenant.'),
    ($$SELECT send_skill_message('ann', '', 'knots', 'Hello')$$, '23514 invalid to_user_id',
        'A user is never the empty string.'),
    ($$SELECT send_skill_message('ann', 'ben', 'absent', 'Hello')$$,
        '23503 unknown subject_skill_id', 'Give the id of a skill of the current tenant.'),
    ($$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', 'absent')$$,
        '23503 unknown proposed_parent_skill_id',
        'Give the id of a skill of the current tenant, or leave it out.'),
    ($$SELECT send_skill_message('ann', 'ben', 'knots', ' ')$$, '23514 invalid message',
        'Write at least one visible character and at most 10,000 characters.'),
    ($$SELECT send_skill_message('ann', 'ben', 'knots', '[erased]')$$, '23514 invalid message',
        '"[erased]" stands for a text that was erased. Write something else.'),
    ($$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', id => '')$$, '23514 invalid id',
        'Leave the id out, or give one of 1 to 255 bytes.'),
    ($$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello', id => 'a1')$$,
        'SM004 id "a1" is taken by a different message',
        'Retry with the same content, or leave the id out to get a fresh one.'),
    ($$SELECT send_skill_message('ann', string_agg(md5(n::text), ''), 'knots', 'Hello')
        FROM generate_series(1, 200) AS n$$, '22023 to_user_id is too long for an index',
        'Give the id of a user or skill of the current tenant.'),
    ($$SELECT send_skill_messages('{}')$$, '22023 messages is not an array of 1 to 1000 elements',
        'Give a JSON array of objects with the arguments of send_skill_message().'),
    ($$SELECT send_skill_messages('[7]')$$, '22023 message 1: the element is not an object',
        'Give an object with the arguments of send_skill_message().'),
    ($$SELECT send_skill_messages('[{"odd": ""}]')$$,
        '22023 message 1: unknown key, or value that is not a string: odd',
        'The keys are the arguments of send_skill_message(), the values strings.'),
    ($$SELECT send_skill_messages('[{"from_user_id": "ann", "to_user_id": "absent",
        "subject_skill_id": "knots", "message": "Hello"}]')$$,
        '23503 message 1: unknown to_user_id',
        'Give the id of a user of the current tenant.')
) AS bad (statement, error, hint);

-- Where one actor only is refused, or in a tenant that does not exist.
SELECT is(said(actor, tenant, me, statement), concat_ws(E'\n', error, hint),
    format('%s: %s', actor, one_line(statement)))
FROM (VALUES
    ('app', 'acme', 'ann', $$SELECT set_skill_message_context('acme', 'ben')$$,
        'SM005 user_id: this transaction or session acts for another user, or for none',
        'End the transaction first, and choose tenant and user at once. If the session has set '
        'app.current_user_id, RESET it.'),
    ('app', 'acme', 'ann', $$SELECT id FROM get_messages_for_user('ben')$$,
        '42501 user_id: "ben" is not the signed-in user',
        'skill_messages_app acts for the user in the context only; skill_messages_service may act '
        'for any user of the tenant.'),
    ('service', 'nowhere', '', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello')$$,
        '23503 unknown tenant_id', 'Set the context to a tenant that exists.'),
    ('service', 'acme', '', $$SELECT send_skill_message('absent', 'ben', 'knots', 'Hello')$$,
        '23503 unknown from_user_id', 'Give the id of a user of the current tenant.'),
    ('service', 'acme', '', $$SELECT send_skill_message('', 'ben', 'knots', 'Hello')$$,
        '23514 invalid from_user_id', 'A user is never the empty string.'),
    ('owner', '', '', 'SELECT switch_skill_message_notifications(NULL)',
        '22023 switched_on is null', 'Say true or false.'),
    ('retention', 'acme', '', 'SELECT * FROM erase_user_messages(NULL)', '22023 user_id is null',
        'Give user_id a value.'),
    ('retention', '', '', $$CALL purge_skill_messages('-1 day', tenant_id => 'acme')$$,
        '22023 older_than is -1 days',
        'Give an age of 0 to 1000 years, batches of one or more, and no nulls.'),

    -- The table itself. Its constraints have their hints as comments, its triggers say them.
    ('service', 'acme', '', $$UPDATE skill_messages SET status = 'declined' WHERE id = 'a4'$$,
        'SM003 status: the message was already accepted or declined',
        'A decision is final. Send a new message to propose again.'),
    ('retention', 'acme', '', $$UPDATE skill_messages SET message = 'No.' WHERE id = 'a4'$$,
        '23514 only status and read_at of a message ever change',
        'Send a new message instead. A text can only be erased.'),
    ('service', 'acme', '', $$INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id,
        subject_skill_id, message, status) VALUES ('acme', 'ann', 'ben', 'knots', 'Hello',
        'accepted')$$,
        '23514 status, read_at, answered_at, message: a new message is pending and unread, and not '
        '[erased]',
        'Insert it with status ''pending'', without read_at and answered_at, and with another '
        'text.')
) AS bad (actor, tenant, me, statement, error, hint);

SELECT is(
    (SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint
    WHERE conrelid = 'skill_messages'::regclass AND conname = 'skill_messages_' || name),
    hint, format('skill_messages_%s: %s', name, hint)
)
FROM (VALUES
    ('tenant_id_check', 'The tenant is never the empty string.'),
    ('status_check', 'A status is pending, accepted or declined.'),
    ('created_at_check', 'Give a time from 1970 on.'),
    ('read_at_check', 'Give the time of the first reading, not before it was sent.'),
    ('answered_at_check', 'Leave it out: it is set when the status changes.')
) AS constraints (name, hint);

-- A constraint that a host has added: by its name, if it is named as ours are; else what PostgreSQL
-- says of it.
ALTER TABLE skill_messages
ADD CONSTRAINT skill_messages_length_check CHECK (message <> 'Too long') NOT VALID,
ADD CONSTRAINT politeness CHECK (message <> 'Rude') NOT VALID;

SELECT is(
    said('service', 'acme', '', format('SELECT send_skill_message(''ann'', ''ben'', ''knots'', %L)',
        text)),
    expected, 'the host refuses: ' || text
)
FROM (VALUES
    ('Too long', E'23514 invalid length\nSee the definition of the constraint.'),
    ('Rude',
        E'23514 new row for relation "skill_messages" violates check constraint "politeness"\n')
) AS texts (text, expected);

-- Where an error comes without the name of its constraint, as from another node, its text is read.
SELECT is(said('service', 'acme', '', format(
    'SELECT skill_messages_private.raise_skill_message_violation(%L, %L, NULL)', code, text)),
    concat_ws(E'\n', error, hint), code || ': ' || text)
FROM (VALUES
    ('23503', 'it violates foreign key constraint "skill_messages_to_user_id_fkey_102008"',
        '23503 unknown to_user_id', 'Give the id of a user of the current tenant.'),
    ('23503', 'it violates foreign key constraint "skill_messages_tenant_id_fkey_102008"',
        '23503 unknown tenant_id', 'Set the context to a tenant that exists.'),
    ('23514', 'it violates check constraint "skill_messages_message_check_102008"',
        '23514 invalid message',
        'Write at least one visible character and at most 10,000 characters.'),
    ('23514', 'a new message is pending and unread, and not [erased]', '23514 invalid message',
        '"[erased]" stands for a text that was erased. Write something else.'),
    ('23502', 'null value in column "proposed_parent_skill_id" violates not-null constraint',
        '22023 proposed_parent_skill_id is null', 'Give proposed_parent_skill_id a value.'),
    ('23514', 'it violates check constraint "politeness"', 'no error: ', NULL)
) AS texts (code, text, error, hint);

-- Whoever lacks the rights of the roles. From 16 on, who made a role is a member without them.
SELECT format(E'GRANT %%I TO %I%s', role, CASE
    WHEN current_setting('server_version_num')::integer >= 160000 THEN ' WITH INHERIT TRUE'
    ELSE '' END) AS hint, role AS owner
FROM actor WHERE name = 'owner' \gset

SELECT is_unless(unbound('owner'), said('owner', 'acme', 'ann', statement),
    format(E'42501 %s does not have the rights of %s\n%s', :'owner', rights,
        format(:'hint', split_part(rights, ' or ', 1))),
    'owner: ' || statement)
FROM (VALUES
    ('skill_messages_service or skill_messages_app', 'SELECT id FROM get_messages_for_user()'),
    ('skill_messages_retention', 'CALL purge_skill_messages(''1 day'')')
) AS calls (rights, statement);

-- Where the host shows no tenants, and has not granted the names.
SELECT is_unless(
    host_owns('tenants'), said('retention', '', '', 'CALL purge_skill_messages(''1 day'')'),
    E'42501 tenant_id: none given, and public.tenants shows skill_messages_retention none\n'
    'Give a tenant_id, or purge as a role that public.tenants shows all tenants.',
    'retention purges tenants that it does not see'
);

REVOKE SELECT ON users FROM skill_messages_app;

SELECT is_unless(
    CASE WHEN has_any_column_privilege('skill_messages_app', 'users', 'SELECT')
        THEN 'the host has granted users to everybody' END,
    said('app', 'acme', 'ann', 'SELECT id FROM ' || operation),
    E'42501 permission denied for table users\nThe owner of the host''s tables has to grant the '
    'columns of the names: skill_messages_private.hidden_names() says how.',
    'app, when it may not read users: ' || operation
)
FROM (VALUES
    ('get_skill_message(''a1'')'), ('get_named_messages_for_user()'),
    ('get_named_messages_from_user()')
) AS operations (operation);

SELECT * FROM finish();
ROLLBACK;
