-- Who may do what to which rows of the tables, directly: every command, by every actor, in its own
-- tenant, in the other one, in one that does not exist, with an empty tenant and with none ever
-- set.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(474);

SELECT is(
    current_setting('app.current_tenant_id', true), NULL,
    'no context was ever set in this session: the first rows of the matrix test that'
);

-- The messages. "insert acme" is a row from ann to ben in acme, "insert Acme" one from Ann to gus
-- in Acme.
SELECT is(
    attempt(actor, tenant, me, statement), expected,
    format('%s, tenant %s, user %s: %s', actor, coalesce(quote_literal(tenant), 'never set'),
        coalesce(quote_literal(me), 'none'), command)
)
FROM (VALUES
    -- actor, tenant, user, select, insert acme, insert Acme, update, delete
    ('service', NULL, NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', NULL, NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('both', NULL, NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('owner', NULL, NULL, 'nothing', '42501', '42501', '0 rows', '0 rows'),
    ('nobody', NULL, NULL, '42501', '42501', '42501', '42501', '42501'),
    ('retention', NULL, NULL, 'nothing', '42501', '42501', '42501', '0 rows'),
    ('monitor', NULL, NULL, '42501', '42501', '42501', '42501', '42501'),
    ('app', NULL, 'ann', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('service', '', '', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', '', '', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', '', 'ann', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('both', '', 'ann', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('owner', '', 'ann', 'nothing', '42501', '42501', '0 rows', '0 rows'),
    ('nobody', '', 'ann', '42501', '42501', '42501', '42501', '42501'),
    ('retention', '', '', 'nothing', '42501', '42501', '42501', '0 rows'),
    ('retention', '', 'ann', 'nothing', '42501', '42501', '42501', '0 rows'),

    ('service', 'acme', NULL, 'a1 a2 a3 a4 a5', '1 rows', '42501', '5 rows', '42501'),
    ('service', 'acme', 'ann', 'a1 a2 a3 a4 a5', '1 rows', '42501', '5 rows', '42501'),
    ('service login', 'acme', NULL, 'a1 a2 a3 a4 a5', '1 rows', '42501', '5 rows', '42501'),
    ('service', 'Acme', NULL, 'g1 g2', '42501', '1 rows', '2 rows', '42501'),
    ('service login', 'Acme', NULL, 'g1 g2', '42501', '1 rows', '2 rows', '42501'),

    ('app', 'acme', 'ann', 'a1 a2 a4 a5', '1 rows', '42501', '2 rows', '42501'),
    ('app', 'acme', 'ben', 'a1 a2 a3 a4 a5', '42501', '42501', '2 rows', '42501'),
    ('app', 'acme', 'cid', 'a3', '42501', '42501', '1 rows', '42501'),
    ('app login', 'acme', 'ann', 'a1 a2 a4 a5', '1 rows', '42501', '2 rows', '42501'),
    ('both', 'acme', 'ann', 'a1 a2 a4 a5', '1 rows', '42501', '2 rows', '42501'),
    ('both', 'acme', 'ben', 'a1 a2 a3 a4 a5', '42501', '42501', '2 rows', '42501'),
    ('app', 'Acme', 'Ann', 'g1 g2', '42501', '1 rows', '1 rows', '42501'),
    ('app login', 'Acme', 'gus', 'g1 g2', '42501', '42501', '1 rows', '42501'),

    -- A tenant without a user, with a user of the other tenant, with nobody's id.
    ('app', 'acme', NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', 'acme', '', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app login', 'acme', '', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('both', 'acme', '', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', 'acme', 'Ann', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', 'acme', 'gus', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', 'acme', 'ann ', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', 'acme', '%', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', 'Acme', 'ann', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('both', 'Acme', 'ann', 'nothing', '42501', '42501', '0 rows', '42501'),

    -- A tenant that does not exist, however much it looks like one that does.
    ('service', 'nowhere', NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('service', 'ACME', NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('service', ' acme', NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('service', '%', NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('service', ''' OR true --', NULL, 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', 'nowhere', 'ann', 'nothing', '42501', '42501', '0 rows', '42501'),
    ('app', 'ACME', 'ann', 'nothing', '42501', '42501', '0 rows', '42501'),

    -- retention deletes within its tenant, inserts nowhere and reads no message for the user.
    ('retention', 'acme', '', 'a1 a2 a3 a4 a5', '42501', '42501', '42501', '5 rows'),
    ('retention', 'acme', 'ann', 'a1 a2 a3 a4 a5', '42501', '42501', '42501', '5 rows'),
    ('retention login', 'Acme', '', 'g1 g2', '42501', '42501', '42501', '2 rows'),
    ('retention', 'nowhere', '', 'nothing', '42501', '42501', '42501', '0 rows'),
    ('retention', 'ACME', '', 'nothing', '42501', '42501', '42501', '0 rows'),

    -- FORCE: the owner has every privilege on the table, and yet the policies bind it.
    ('owner', 'acme', 'ann', 'nothing', '42501', '42501', '0 rows', '0 rows'),
    ('owner', 'Acme', 'Ann', 'nothing', '42501', '42501', '0 rows', '0 rows'),
    ('nobody', 'acme', 'ann', '42501', '42501', '42501', '42501', '42501'),
    ('nobody', 'Acme', 'Ann', '42501', '42501', '42501', '42501', '42501'),
    ('monitor', 'acme', 'ann', '42501', '42501', '42501', '42501', '42501')
) AS matrix (actor, tenant, me, selected, inserted_here, inserted_there, updated, deleted)
CROSS JOIN LATERAL (VALUES
    ('SELECT', 'SELECT id FROM skill_messages ORDER BY id', selected),
    ('INSERT into acme', $$
        INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('acme', 'ann', 'ben', 'knots', 'New')
    $$, inserted_here),
    ('INSERT into Acme', $$
        INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('Acme', 'Ann', 'gus', 'Knots', 'New')
    $$, inserted_there),
    ('UPDATE', 'UPDATE skill_messages SET read_at = coalesce(read_at, now())', updated),
    ('DELETE', 'DELETE FROM skill_messages', deleted)
) AS try (command, statement, expected);

-- A row that is aimed at by its id is as safe as one that is met by chance.
SELECT is(attempt(actor, tenant, me, statement), expected,
    format('%s as %s in %s: %s', actor, me, tenant, statement))
FROM (VALUES
    ('service', 'acme', '', $$UPDATE skill_messages SET status = 'accepted' WHERE id = 'a1'$$,
        '1 rows'),
    ('service', 'acme', '', $$UPDATE skill_messages SET status = 'accepted' WHERE id = 'g1'$$,
        '0 rows'),
    ('service', 'acme', '', $$SELECT id FROM skill_messages WHERE id = 'g1' FOR UPDATE$$,
        'nothing'),
    ('service', 'acme', '', $$SELECT id FROM skill_messages WHERE tenant_id = 'Acme'$$, 'nothing'),
    ('app', 'acme', 'ben', $$UPDATE skill_messages SET status = 'accepted' WHERE id = 'a1'$$,
        '1 rows'),
    ('app', 'acme', 'ann', $$UPDATE skill_messages SET status = 'accepted' WHERE id = 'a1'$$,
        '0 rows'),
    ('app', 'acme', 'cid', $$UPDATE skill_messages SET status = 'accepted' WHERE id = 'a1'$$,
        '0 rows'),
    ('both', 'acme', 'ann', $$UPDATE skill_messages SET status = 'accepted' WHERE id = 'a1'$$,
        '0 rows'),
    ('app', 'acme', 'ann', $$UPDATE skill_messages SET read_at = now() WHERE id = 'a1'$$, '0 rows'),
    ('app', 'acme', 'ann', $$SELECT id FROM skill_messages WHERE id = 'a1' FOR UPDATE$$, 'nothing'),
    ('app', 'acme', 'ann', $$SELECT id FROM skill_messages WHERE id = 'a3'$$, 'nothing'),
    ('service', 'acme', '', 'TRUNCATE skill_messages', '42501'),
    ('app', 'acme', 'ann', 'TRUNCATE skill_messages', '42501')
) AS aimed (actor, tenant, me, statement, expected);

-- The columns that a role may write, one at a time: service inserts all ten, app only what a sender
-- says.
SELECT is(
    attempt(actor, 'acme', 'ann', format(
        'INSERT INTO skill_messages '
        '(tenant_id, from_user_id, to_user_id, subject_skill_id, message, %I) '
        'VALUES (''acme'', ''ann'', ''ben'', ''knots'', ''New'', %s)', col, val)),
    CASE actor WHEN 'app' THEN app ELSE '1 rows' END,
    format('%s inserts a message with %s', actor, col)
)
FROM (VALUES ('service'), ('both'), ('app')) AS actors (actor)
CROSS JOIN (VALUES
    ('id', '''mine''', '1 rows'),
    ('proposed_parent_skill_id', '''ropes''', '1 rows'),
    ('status', '''pending''', '42501'),
    ('created_at', '''2026-01-01''', '42501'),
    ('read_at', 'NULL', '42501')
) AS columns (col, val, app);

SELECT is(
    attempt(actor, 'acme', 'ben',
        format('UPDATE skill_messages SET %I = %I WHERE id = ''a1''', col, col)), allowed,
    format('%s updates %s', actor, col)
)
FROM (VALUES ('service'), ('app'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('id', '42501'),
    ('tenant_id', '42501'),
    ('from_user_id', '42501'),
    ('to_user_id', '42501'),
    ('subject_skill_id', '42501'),
    ('proposed_parent_skill_id', '42501'),
    ('message', '42501'),
    ('status', '1 rows'),
    ('created_at', '42501'),
    ('read_at', '1 rows')
) AS columns (col, allowed);

-- The host's tables, as the package creates them: the tenant's own rows; only service writes them.
-- A statement that names no tenant touches the current one's rows at most.
SELECT is(
    attempt(actor, tenant, 'ann', statement), expected,
    format('%s in tenant %L: %s', actor, tenant, btrim(statement))
)
FROM (VALUES
    ('service', 'acme'), ('service', 'Acme'), ('service', ''), ('service', 'nowhere'),
    ('app', 'acme'), ('app', 'Acme'), ('app', ''),
    ('owner', 'acme'), ('owner', ''), ('nobody', 'acme')
) AS cell (actor, tenant)
CROSS JOIN LATERAL (SELECT
    CASE
        WHEN actor = 'nobody' THEN 'refused'
        WHEN actor = 'owner' OR tenant NOT IN ('acme', 'Acme') THEN 'no rows'
        ELSE tenant
    END
) AS kind (reach)
CROSS JOIN LATERAL (VALUES
    ('SELECT id FROM tenants',
        CASE reach WHEN 'refused' THEN '42501' WHEN 'no rows' THEN 'nothing' ELSE tenant END),
    ('SELECT id FROM users ORDER BY id', CASE reach
        WHEN 'refused' THEN '42501'
        WHEN 'acme' THEN 'ann ben cid' WHEN 'Acme' THEN 'Ann gus' ELSE 'nothing' END),
    ('SELECT id FROM skills ORDER BY id', CASE reach
        WHEN 'refused' THEN '42501'
        WHEN 'acme' THEN 'knots ropes sails' WHEN 'Acme' THEN 'Knots winds' ELSE 'nothing' END),
    ('INSERT INTO tenants VALUES (''initech'', ''Initech'')', '42501'),
    ('INSERT INTO users (tenant_id, id, name) VALUES (''acme'', ''dot'', ''Dot'')',
        CASE WHEN actor = 'service' AND tenant = 'acme' THEN '1 rows' ELSE '42501' END),
    ('INSERT INTO skills (tenant_id, id, name) VALUES (''acme'', ''oars'', ''Oars'')',
        CASE WHEN actor = 'service' AND tenant = 'acme' THEN '1 rows' ELSE '42501' END),
    ('UPDATE tenants SET name = ''x''', CASE actor WHEN 'owner' THEN '0 rows' ELSE '42501' END),
    ('UPDATE users SET name = ''x''', CASE
        WHEN actor IN ('app', 'nobody') THEN '42501'
        WHEN reach = 'acme' THEN '3 rows' WHEN reach = 'Acme' THEN '2 rows' ELSE '0 rows' END),
    ('UPDATE skills SET name = ''x''', CASE
        WHEN actor IN ('app', 'nobody') THEN '42501'
        WHEN reach = 'acme' THEN '3 rows' WHEN reach = 'Acme' THEN '2 rows' ELSE '0 rows' END),
    ('UPDATE skills SET tenant_id = ''nowhere''', CASE
        WHEN actor IN ('app', 'nobody') OR reach IN ('acme',
            'Acme') THEN '42501' ELSE '0 rows' END),
    ('DELETE FROM tenants', CASE actor WHEN 'owner' THEN '0 rows' ELSE '42501' END),
    ('DELETE FROM users', CASE
        WHEN actor IN ('app', 'nobody') THEN '42501'
        WHEN reach IN ('acme', 'Acme') THEN '23503' ELSE '0 rows' END),
    ('DELETE FROM skills', CASE
        WHEN actor IN ('app', 'nobody') THEN '42501'
        WHEN reach = 'acme' THEN '3 rows' WHEN reach = 'Acme' THEN '2 rows' ELSE '0 rows' END)
) AS try (statement, expected);

-- Once it is granted a role, the owner is what any member is: bound to its tenant.
-- From 16 on, the creator of a role is a member that does not inherit, until it is granted that.
SELECT role AS owner,
    CASE WHEN current_setting('server_version_num')::int >= 160000
        THEN 'WITH INHERIT TRUE' ELSE '' END
        AS inherit
FROM tap.actor WHERE name = 'owner' \gset
GRANT skill_messages_service TO :"owner" :inherit;

SELECT is(attempt('owner', tenant, '', statement), expected,
    format('owner in role service, in %L: %s', tenant, statement))
FROM (VALUES
    ('acme', 'SELECT id FROM skill_messages ORDER BY id', 'a1 a2 a3 a4 a5'),
    ('Acme', 'SELECT id FROM skill_messages ORDER BY id', 'g1 g2'),
    ('', 'SELECT id FROM skill_messages ORDER BY id', 'nothing'),
    ('acme', 'UPDATE skill_messages SET read_at = now() WHERE id = ''g1''', '0 rows'),
    ('acme', 'DELETE FROM skill_messages WHERE tenant_id = ''Acme''', '0 rows')
) AS member (tenant, statement, expected);

SELECT * FROM finish();
ROLLBACK;
