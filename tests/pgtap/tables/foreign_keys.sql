-- What the foreign keys do: deleting a skill takes the messages about it along and leaves those
-- that proposed it as a parent; users and tenants with messages stay; nobody names what belongs to
-- another tenant.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(104);

CALL set_triggers_aside();

-- Deleting. a1 and a4 are about knots, a2 about ropes, a3 and a5 about sails; parents: ropes,
-- sails, knots. a4 is accepted and a5 declined: that a message is decided protects it from nothing
-- here.
-- A refusal names the foreign key of the messages: others may refuse, too.
SELECT is_unless(
    CASE actor WHEN 'service' THEN host_owns('users', 'skills') END,
    substring(
        complaint(actor, 'acme', '', format('WITH gone AS (%s%s RETURNING id) SELECT id FROM gone',
            statement, CASE actor WHEN 'superuser' THEN ' AND tenant_id = ''acme''' END))
        FROM '^no error.*|^23503 .*"skill_messages_\w*_fkey"'
    ) ~ ('^' || expected), true,
    format('%s: %s', actor, statement)
)
FROM (VALUES ('service'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('DELETE FROM skills WHERE id = ''knots''', 'no error: knots$'),
    ('DELETE FROM skills WHERE id = ''absent''', 'no error: nothing$'),
    ('DELETE FROM users WHERE id = ''ann''', '23503'),
    ('DELETE FROM users WHERE id = ''cid''', '23503'),
    ('UPDATE users SET id = ''annie'' WHERE id = ''ann''', '23503'),
    ('UPDATE skills SET id = ''loops'' WHERE id = ''knots''', '23503')
) AS deletions (statement, expected);

SELECT matches(complaint('superuser', 'acme', '', statement), '^23503 .*"skill_messages_\w*_fkey"',
    'superuser: ' || statement)
FROM (VALUES
    ('UPDATE users SET tenant_id = ''Acme'' WHERE id = ''ann'' AND tenant_id = ''acme'''),
    ('UPDATE skills SET tenant_id = ''Acme'' WHERE id = ''knots'' AND tenant_id = ''acme'''),
    ('UPDATE skills SET tenant_id = ''Acme'' WHERE id = ''ropes'' AND tenant_id = ''acme''')
) AS deletions (statement);

-- Users and skills may refer to the tenant as well, and refuse first.
SELECT is(attempt('superuser', 'acme', '', 'DELETE FROM tenants WHERE id = ''acme'''), '23503',
    'superuser deletes a tenant');

SELECT is_unless(host_owns(tab), attempt('service', 'Acme', '', statement), '0 rows',
    'service in the other tenant: ' || statement)
FROM (VALUES
    ('skills', 'DELETE FROM skills WHERE id = ''knots'''),
    ('users', 'DELETE FROM users WHERE id = ''cid''')
) AS deletions (tab, statement);

-- After it, step by step, as service; each deletion is kept. Tables of the host's own are not for
-- service to delete from: there, it is a superuser.
CREATE TEMP TABLE before AS SELECT * FROM fixture_messages;

SELECT is(act(keeper('skills'), 'acme', '', 'DELETE FROM skills WHERE id = ''ropes'''
    || keeps_to('skills', 'acme')), '1 rows', keeper('skills') || ' deletes ropes');

SELECT is(
    (SELECT string_agg(id, ' ' ORDER BY id) FROM fixture_messages), 'a1 a3 a4 a5 g1 g2',
    'a2, which was about ropes, is gone, and no other'
);
SELECT is(
    (SELECT to_jsonb(m) FROM fixture_messages AS m WHERE id = 'a1'),
    (SELECT to_jsonb(b) || '{"proposed_parent_skill_id": null}' FROM before AS b WHERE id = 'a1'),
    'a1, which proposed ropes as the parent, has no parent now; all else is as before'
);

SELECT is(act(keeper('skills'), 'acme', '', 'DELETE FROM skills WHERE id = ''sails'''
    || keeps_to('skills', 'acme')), '1 rows', keeper('skills') || ' deletes sails');

SELECT is(
    (SELECT string_agg(id, ' ' ORDER BY id) FROM fixture_messages), 'a1 a4 g1 g2',
    'a3 and a5, which were about sails, are gone, the declined one too'
);
SELECT is(
    (SELECT to_jsonb(m) FROM fixture_messages AS m WHERE id = 'a4'),
    (SELECT to_jsonb(b) || '{"proposed_parent_skill_id": null}' FROM before AS b WHERE id = 'a4'),
    'a4 is accepted and read still, with no parent'
);

SELECT is(act(keeper('users'), 'acme', '', 'DELETE FROM users WHERE id = ''cid'''
    || keeps_to('users', 'acme')), '1 rows', 'a user without messages can be deleted');

SELECT is(act('superuser', 'Acme', '',
    'DELETE FROM skills WHERE id = ''winds'' AND tenant_id = ''Acme'''), '1 rows',
    'superuser deletes winds');

SELECT is(
    (SELECT string_agg(id || coalesce(' under ' || proposed_parent_skill_id, ''), ', ' ORDER BY id)
    FROM fixture_messages WHERE tenant_id = 'Acme'),
    'g1', 'g2, which was about winds, is gone; g1 has no parent'
);

SELECT is(act(keeper('skills'), 'acme', '', 'DELETE FROM skills WHERE id = ''knots'''
    || keeps_to('skills', 'acme')), '1 rows', keeper('skills') || ' deletes knots');

SELECT is((SELECT string_agg(id, ' ') FROM fixture_messages), 'g1',
    'acme has no message left; Acme keeps its own');

-- Nobody names what belongs to another tenant. knots and ropes are needed again.
CALL add_skill('acme', 'knots', 'Knots');
CALL add_skill('acme', 'ropes', 'Ropes');
CALL add_skill('Acme', 'winds', 'Winds');

-- send_skill_message() names the argument; of another tenant or absent, the words are the same.
SELECT is(
    complaint(actor, 'acme', 'ann', format(
        'SELECT send_skill_message(from_user_id => %L, to_user_id => %L, subject_skill_id => %L, '
        'proposed_parent_skill_id => %L, message => ''Hello'')',
        CASE argument WHEN 'from_user_id' THEN id ELSE 'ann' END,
        CASE argument WHEN 'to_user_id' THEN id ELSE 'ben' END,
        CASE argument WHEN 'subject_skill_id' THEN id ELSE 'knots' END,
        CASE argument WHEN 'proposed_parent_skill_id' THEN id ELSE 'ropes' END)),
    '23503 unknown ' || argument,
    format('%s sends with %s %L', actor, argument, id)
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('from_user_id', 'absent'), ('from_user_id', 'Ann'), ('from_user_id', 'gus'),
        ('from_user_id', 'knots'),
    ('to_user_id', 'absent'), ('to_user_id', 'Ann'), ('to_user_id', 'gus'), ('to_user_id', 'knots'),
    ('subject_skill_id', 'absent'), ('subject_skill_id', 'Knots'), ('subject_skill_id', 'ann'),
    ('subject_skill_id', ''),
    ('proposed_parent_skill_id', 'absent'), ('proposed_parent_skill_id', 'winds'),
    ('proposed_parent_skill_id', 'ben'), ('proposed_parent_skill_id', '')
) AS unknown (argument, id)
WHERE actor = 'service' OR argument <> 'from_user_id';

-- The context's tenant, when no such tenant exists.
SELECT is(
    complaint('service', 'nowhere', '',
        $$SELECT send_skill_message('ann', 'ben', 'knots', 'Hello')$$),
    '23503 unknown tenant_id',
    'sending in a tenant that does not exist'
);

-- The foreign keys themselves, without the function: by a direct INSERT.
SELECT is(
    complaint(actor, 'acme', 'ann', format(
        'INSERT INTO skill_messages '
        '(tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, '
        'message) VALUES (''acme'', %L, %L, %L, %L, ''Hello'')',
        CASE argument WHEN 'from_user_id' THEN id ELSE 'ann' END,
        CASE argument WHEN 'to_user_id' THEN id ELSE 'ben' END,
        CASE argument WHEN 'subject_skill_id' THEN id ELSE 'knots' END,
        CASE argument WHEN 'proposed_parent_skill_id' THEN id ELSE 'ropes' END)),
    format('23503 insert or update on table "skill_messages" violates foreign key constraint '
        '"skill_messages_%s_fkey" (without a hint)', argument),
    format('%s inserts a message with %s %L', actor, argument, id)
)
FROM (VALUES ('service'), ('app'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ('from_user_id', 'absent'), ('from_user_id', 'gus'),
    ('to_user_id', 'absent'), ('to_user_id', 'gus'),
    ('subject_skill_id', 'absent'), ('subject_skill_id', 'winds'),
    ('proposed_parent_skill_id', 'absent'), ('proposed_parent_skill_id', 'winds')
) AS unknown (argument, id)
WHERE actor <> 'app' OR argument <> 'from_user_id';

-- The same ids in both tenants: what is deleted, and what goes along, is the one's own. A host
-- whose ids are unique across tenants has no such rows.
\if :ids_are_shared
CALL add_user('Acme', 'ann', 'Ann');
CALL add_user('Acme', 'ben', 'Ben');
CALL add_skill('Acme', 'knots', 'Knots');
CALL add_skill('Acme', 'ropes', 'Ropes');
DELETE FROM fixture_messages;
INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message)
SELECT id, tenant_id, 'ann', 'ben', subject, parent, 'Hello'
FROM (VALUES ('acme'), ('Acme')) AS tenants (tenant_id)
CROSS JOIN (VALUES ('m1', 'knots', 'ropes'), ('m2', 'ropes', 'knots')) AS m (id, subject, parent);

CREATE FUNCTION messages_left() RETURNS text
LANGUAGE sql VOLATILE
AS $$
    SELECT coalesce(string_agg(concat_ws(' ', id, 'of', tenant_id, 'about', subject_skill_id,
        'under ' || proposed_parent_skill_id), ', ' ORDER BY tenant_id COLLATE "C", id), 'none')
    FROM fixture_messages
$$;

SELECT is_unless(CASE step WHEN 1 THEN host_owns('skills') END,
    act(coalesce(actor, keeper(tab)), tenant, '', statement
        || CASE WHEN actor IS NULL THEN keeps_to(tab, tenant) ELSE '' END)
    || ': ' || messages_left(),
    expected,
    format('step %s, %s in %s: %s', step, coalesce(actor, keeper(tab)), tenant, statement)
)
FROM (VALUES
    (1, 'service', 'skills', 'acme', 'UPDATE skills SET name = ''x''',
        '2 rows: m1 of Acme about knots under ropes, m2 of Acme about ropes under knots, '
        'm1 of acme about knots under ropes, m2 of acme about ropes under knots'),
    (2, NULL, 'skills', 'acme', 'DELETE FROM skills WHERE id = ''ropes''',
        '1 rows: m1 of Acme about knots under ropes, m2 of Acme about ropes under knots, '
        'm1 of acme about knots'),
    (3, NULL, 'skills', 'acme', 'DELETE FROM skills WHERE id = ''knots''',
        '1 rows: m1 of Acme about knots under ropes, m2 of Acme about ropes under knots'),
    (4, NULL, 'users', 'acme', 'DELETE FROM users WHERE id IN (''ann'', ''ben'')',
        '2 rows: m1 of Acme about knots under ropes, m2 of Acme about ropes under knots'),
    (5, 'superuser', 'skills', 'acme',
        'DELETE FROM skills WHERE tenant_id = ''Acme'' AND id = ''knots''',
        '1 rows: m2 of Acme about ropes'),
    (6, NULL, 'skills', 'Acme', 'DELETE FROM skills WHERE id = ''ropes''', '1 rows: none')
) AS story (step, actor, tab, tenant, statement, expected);
\else
SELECT skip('the host''s ids are unique across tenants', 6);
\endif

-- In tables of the package's making, what is unique is the pair.
SELECT is_unless(host_owns(tab), attempt('superuser', 'acme', '', statement), expected, statement)
FROM (VALUES
    ('users', 'INSERT INTO users (tenant_id, id, name) VALUES (''acme'', ''gus'', ''Gus'')',
        '1 rows'),
    ('users', 'INSERT INTO users (tenant_id, id, name) VALUES (''Acme'', ''gus'', ''Gus'')',
        '23505'),
    ('users', 'INSERT INTO users (tenant_id, id, name) VALUES (''nowhere'', ''gus'', ''Gus'')',
        '23503'),
    ('skills', 'INSERT INTO skills (tenant_id, id, name) VALUES (''acme'', ''winds'', ''Winds'')',
        '1 rows'),
    ('skills', 'INSERT INTO skills (tenant_id, id, name) VALUES (''Acme'', ''winds'', ''Winds'')',
        '23505'),
    ('skills', 'INSERT INTO skills (tenant_id, id, name) VALUES (''nowhere'', ''winds'', ''W'')',
        '23503')
) AS insertions (tab, statement, expected);

SELECT * FROM finish();
ROLLBACK;
