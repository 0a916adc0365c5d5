-- Who may do what to which rows of the tables, directly: every command, by every actor, in its own
-- tenant, in the other one, in one that does not exist, with an empty tenant and with none ever
-- set.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(884);

SELECT is_unless(
    brought_along(), current_setting('app.current_tenant_id', true), NULL,
    'no context was ever set in this session: the first rows of the matrix test that'
);

-- The messages. "insert acme" is a row from ann to ben in acme, "insert Acme" one from Ann to gus
-- in Acme.
SELECT is_unless(
    coalesce(unbound(actor), CASE WHEN tenant IS NULL THEN brought_along() END),
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

-- The columns that a role may write, one at a time: service inserts them all, as an ORM does, app
-- only what a sender says.
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
    ('read_at', 'NULL', '42501'),
    ('answered_at', 'NULL', '42501')
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
    ('read_at', '1 rows'),
    ('answered_at', '42501')
) AS columns (col, allowed);

-- An ORM lists its ten columns, known or not, and asks for what became of them.
SELECT is(
    attempt(actor, 'acme', 'ann', $$
        INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,
            proposed_parent_skill_id, message, status, created_at, read_at)
        VALUES ('orm', 'acme', 'ann', 'ben', 'knots', NULL, 'Hello', DEFAULT, DEFAULT, NULL)
        RETURNING id, status, created_at = date_trunc('milliseconds', now()), read_at, answered_at
    $$), expected, actor || ' inserts all ten columns, as an ORM does'
)
FROM (VALUES
    ('service', 'orm,pending,true,null,null'), ('service login', 'orm,pending,true,null,null'),
    ('both', 'orm,pending,true,null,null'), ('app', '42501'), ('retention', '42501')
) AS actors (actor, expected);

-- And those that it may read: retention finds messages, and reads nothing of what they say.
SELECT is(
    attempt(actor, 'acme', 'ann', format('SELECT %s FROM skill_messages WHERE id = ''a1''', col)),
    CASE WHEN actor LIKE 'retention%' AND NOT retention THEN '42501' ELSE gives END,
    format('%s selects %s', actor, col)
)
FROM (VALUES ('service'), ('app'), ('both'), ('retention'), ('retention login')) AS actors (actor)
CROSS JOIN (VALUES
    ('id', true, 'a1'),
    ('tenant_id', true, 'acme'),
    ('from_user_id', true, 'ann'),
    ('to_user_id', true, 'ben'),
    ('subject_skill_id', false, 'knots'),
    ('proposed_parent_skill_id', false, 'ropes'),
    ('message', false, 'Mine under yours?'),
    ('length(message)', false, '17'),
    ('status', true, 'pending'),
    ('created_at', true, '2026-01-01T00:00:00+00:00'),
    ('read_at', true, 'null'),
    ('answered_at', false, 'null'),
    ('ctid IS NULL', true, 'false'),
    ('xmin IS NULL', false, 'false'),
    ('count(skill_messages)', false, '1')
) AS columns (col, retention, gives);

-- The host's tables, as the package creates them: the tenant's own rows; only service writes them.
-- A statement that names no tenant touches the current one's rows at most.
SELECT CASE
    WHEN why IS NULL THEN is(
        attempt(actor, tenant, 'ann', statement), expected,
        format('%s in tenant %L: %s', actor, tenant, btrim(statement))
    )
    ELSE skip(why)
END
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
) AS try (statement, expected)
CROSS JOIN LATERAL coalesce(unbound(actor), concerns_host(statement)) AS why;

-- The views of their names read as whoever looks: what the tables hide, they hide.
SELECT CASE
    WHEN why IS NULL THEN is(
        attempt(actor, tenant, 'ann', format('SELECT id, name FROM skill_messages_private.%s '
            'ORDER BY id', name)),
        CASE
            WHEN actor IN ('retention', 'monitor', 'nobody') THEN '42501'
            WHEN actor = 'owner' OR tenant NOT IN ('acme', 'Acme') THEN 'nothing'
            WHEN tenant = 'acme' THEN acme ELSE other
        END,
        format('%s in tenant %L: %s', actor, tenant, name)
    )
    ELSE skip(why)
END
FROM (VALUES
    ('service', 'acme'), ('service', 'Acme'), ('service', ''), ('service login', 'nowhere'),
    ('app', 'acme'), ('app login', 'Acme'), ('app', ''), ('both', 'acme'), ('retention', 'acme'),
    ('owner', 'acme'), ('monitor', 'acme'), ('nobody', 'acme')
) AS cell (actor, tenant)
CROSS JOIN (VALUES
    ('tenants', 'tenant_names', 'acme,Acme', 'Acme,Another Acme'),
    ('users', 'user_names', 'ann,Ann ben,Ben cid,Cid', 'Ann,Another Ann gus,Gus'),
    ('skills', 'skill_names', 'knots,Knots ropes,Ropes sails,Sails',
        'Knots,Other knots winds,Winds')
) AS views (tab, name, acme, other)
CROSS JOIN LATERAL (
    SELECT CASE WHEN actor NOT IN ('retention', 'monitor', 'nobody')
        THEN coalesce(unbound(actor), host_owns(tab)) END
) AS reason (why);

-- Nobody writes through them, though PostgreSQL could.
SELECT CASE
    WHEN why IS NULL THEN is(
        attempt(actor, 'acme', 'ann', format(statement, name)),
        CASE WHEN actor = 'owner' AND statement !~ 'INSERT' THEN '0 rows' ELSE '42501' END,
        format('%s: ' || statement, actor, name)
    )
    ELSE skip(why)
END
FROM (VALUES ('service'), ('app'), ('both'), ('retention'), ('owner'), ('nobody')) AS actors (actor)
CROSS JOIN (VALUES
    ('tenants', 'tenant_names'), ('users', 'user_names'), ('skills', 'skill_names')
) AS views (tab, name)
CROSS JOIN (VALUES
    ('INSERT INTO skill_messages_private.%s (id) VALUES (''new'')'),
    ('UPDATE skill_messages_private.%s SET id = ''new'''),
    ('DELETE FROM skill_messages_private.%s')
) AS statements (statement)
CROSS JOIN LATERAL (
    SELECT CASE actor WHEN 'owner' THEN coalesce(unbound(actor), host_owns(tab)) END
) AS reason (why);

-- service makes its tenant, and so the first one: with the context set to the tenant that is to be.
SELECT is_unless(
    coalesce(unbound(actor), host_owns('tenants')),
    attempt(actor, tenant, 'ann', format('INSERT INTO tenants VALUES (%L, ''New'')', id)), expected,
    format('%s in tenant %L makes the tenant %L', actor, tenant, id)
)
FROM (VALUES
    ('service', 'initech', 'initech', '1 rows'),
    ('service login', 'initech', 'initech', '1 rows'),
    ('both', 'initech', 'initech', '1 rows'),
    ('app', 'initech', 'initech', '42501'),
    ('retention', 'initech', 'initech', '42501'),
    ('owner', 'initech', 'initech', '42501'),
    ('monitor', 'initech', 'initech', '42501'),
    ('nobody', 'initech', 'initech', '42501'),
    ('service', 'initech', 'Initech', '42501'),
    ('service', 'acme', 'initech', '42501'),
    ('service', '', 'initech', '42501'),
    ('service', 'acme', 'acme', '23505'),
    -- One that is there and one that is not answer alike to another tenant.
    ('service', 'acme', 'Acme', '42501')
) AS cell (actor, tenant, id, expected);

-- Nobody makes the tenant '', which would be that of whoever has none in the context, nor anything
-- of it.
SELECT is_unless(concerns_host(statement), attempt(actor, '', '', statement), expected,
    format('%s: %s', actor, statement))
FROM (VALUES ('service', '23514'), ('superuser', '23514'), ('app', '42501')) AS actors (actor,
    expected)
CROSS JOIN (VALUES
    ($$INSERT INTO tenants (id, name) VALUES ('', 'Nobody''s')$$),
    ($$INSERT INTO users (tenant_id, id, name) VALUES ('', 'dot', 'Dot')$$),
    ($$INSERT INTO skills (tenant_id, id, name) VALUES ('', 'oars', 'Oars')$$)
) AS statements (statement);

SELECT is_unless(concerns_host(statement), attempt(actor, 'acme', '', statement), '23514',
    format('%s: %s', actor, statement))
FROM (VALUES ('service'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES
    ($$INSERT INTO users (tenant_id, id, name) VALUES ('acme', '', 'Nobody')$$),
    ($$INSERT INTO skills (tenant_id, id, name) VALUES ('acme', '', 'Nothing')$$),
    ($$UPDATE users SET id = '' WHERE id = 'cid' AND tenant_id = 'acme'$$)
) AS statements (statement);

-- Ids are free in each tenant: what is taken elsewhere is a new row here.
SELECT is_unless(
    concerns_host(statement), attempt('service', 'acme', '', statement), expected,
    one_line(statement)
)
FROM (VALUES
    ($$INSERT INTO users (tenant_id, id, name) VALUES ('acme', 'gus', 'Our Gus')$$, '1 rows'),
    ($$INSERT INTO skills (tenant_id, id, name) VALUES ('acme', 'winds', 'Our winds')$$, '1 rows'),
    ($$INSERT INTO users (tenant_id, id, name) VALUES ('acme', 'ann', 'Ann')$$, '23505'),
    ($$INSERT INTO skills (tenant_id, id, name) VALUES ('acme', 'knots', 'Knots')$$, '23505'),
    ($$INSERT INTO skill_messages
            (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('g1', 'acme', 'ann', 'ben', 'knots', 'New')$$, '1 rows'),
    ($$INSERT INTO skill_messages
            (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
        VALUES ('a1', 'acme', 'ann', 'ben', 'knots', 'New')$$, '23505')
) AS statements (statement, expected);

-- Upserts. What a statement gives, and all rows of all four tables that it added, changed or took
-- away from the tenants of the tests; undone.
CREATE TEMP VIEW everything AS
SELECT 'tenant' AS kind, id AS tenant_id, id, to_jsonb(t) AS content FROM tenants AS t
WHERE id IN (SELECT id FROM fixture_tenants)
UNION ALL
SELECT 'user', tenant_id, id, to_jsonb(u) FROM users AS u
WHERE tenant_id IN (SELECT id FROM fixture_tenants)
UNION ALL
SELECT 'skill', tenant_id, id, to_jsonb(s) FROM skills AS s
WHERE tenant_id IN (SELECT id FROM fixture_tenants)
UNION ALL
SELECT 'message', tenant_id, id, to_jsonb(m) FROM fixture_messages AS m;

CREATE TEMP TABLE before AS SELECT * FROM everything;

CREATE FUNCTION effect(actor text, tenant text, me text, statement text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_effect text;
BEGIN
    BEGIN
        v_effect := act(actor, tenant, me, statement);
        v_effect := v_effect || coalesce(': ' || (
            SELECT string_agg(format('%s %s of %s', kind, id, tenant_id), ', '
                ORDER BY kind, tenant_id, id)
            FROM pg_temp.before FULL JOIN pg_temp.everything USING (kind, tenant_id, id)
            WHERE before.content IS DISTINCT FROM everything.content
        ), '');
        RAISE SQLSTATE 'UNDO2';
    EXCEPTION
        WHEN SQLSTATE 'UNDO2' THEN
            RETURN v_effect;
    END;
END;
$$;

-- A message of these ids. Each user sends as itself; what it meets may be anybody's.
SELECT is_unless(
    unbound(actor), effect(actor, tenant, me, format(
        'INSERT INTO skill_messages '
        '(id, tenant_id, from_user_id, to_user_id, subject_skill_id, message) '
        'VALUES (%L, %L, %L, %L, %L, ''New'') '
        'ON CONFLICT (id, tenant_id) DO UPDATE SET status = ''accepted''',
        id, into_tenant,
        CASE into_tenant WHEN 'acme' THEN coalesce(nullif(me, ''), 'ann') ELSE 'Ann' END,
        CASE into_tenant WHEN 'acme' THEN 'ben' ELSE 'gus' END,
        CASE into_tenant WHEN 'acme' THEN 'knots' ELSE 'Knots' END)),
    expected, format('%s as %s in %s upserts message %s of %s', actor, me, tenant, id, into_tenant)
)
FROM (VALUES
    -- Its own tenant: what is there is updated, what is not is new, and so is another tenant's id.
    ('service', 'acme', '', 'a1', 'acme', '1 rows: message a1 of acme'),
    ('service', 'acme', '', 'a3', 'acme', '1 rows: message a3 of acme'),
    ('service', 'acme', '', 'new', 'acme', '1 rows: message new of acme'),
    ('service', 'acme', '', 'g1', 'acme', '1 rows: message g1 of acme'),
    ('service login', 'acme', '', 'g2', 'acme', '1 rows: message g2 of acme'),
    ('service', 'Acme', '', 'g1', 'Acme', '1 rows: message g1 of Acme'),
    ('service', 'Acme', '', 'a1', 'Acme', '1 rows: message a1 of Acme'),
    ('superuser', 'acme', '', 'g1', 'acme', '1 rows: message g1 of acme'),
    -- The rules of a message's life hold: a4 is accepted already, a5 was declined.
    ('service', 'acme', '', 'a4', 'acme', '1 rows'),
    ('service', 'acme', '', 'a5', 'acme', 'SM003'),

    -- Another tenant, by its true name or none.
    ('service', 'acme', '', 'g1', 'Acme', '42501'),
    ('service', 'acme', '', 'new', 'Acme', '42501'),
    ('service', 'Acme', '', 'a1', 'acme', '42501'),
    ('service', 'nowhere', '', 'a1', 'acme', '42501'),
    ('service', 'ACME', '', 'a1', 'acme', '42501'),
    ('service', '', '', 'a1', 'acme', '42501'),
    ('app', 'acme', 'ben', 'g1', 'Acme', '42501'),
    ('app', 'Acme', 'Ann', 'a2', 'acme', '42501'),
    ('both', 'Acme', 'ann', 'a2', 'acme', '42501'),

    -- app updates what it received, and nothing else that it meets: neither what it sent (a1, a4)
    -- nor what is between others (a3).
    ('app', 'acme', 'ben', 'a1', 'acme', '1 rows: message a1 of acme'),
    ('app', 'acme', 'ann', 'a2', 'acme', '1 rows: message a2 of acme'),
    ('app', 'acme', 'ann', 'a5', 'acme', 'SM003'),
    ('app login', 'acme', 'cid', 'a3', 'acme', '1 rows: message a3 of acme'),
    ('both', 'acme', 'ben', 'a1', 'acme', '1 rows: message a1 of acme'),
    ('app', 'acme', 'ann', 'a1', 'acme', '42501'),
    ('app', 'acme', 'ann', 'a4', 'acme', '42501'),
    ('app', 'acme', 'ann', 'a3', 'acme', '42501'),
    ('app login', 'acme', 'ann', 'a3', 'acme', '42501'),
    ('both', 'acme', 'ann', 'a3', 'acme', '42501'),
    ('app', 'acme', 'cid', 'a1', 'acme', '42501'),
    ('app', 'acme', 'ann', 'new', 'acme', '1 rows: message new of acme'),
    ('app', 'acme', 'ann', 'g1', 'acme', '1 rows: message g1 of acme'),
    ('app', 'acme', '', 'a1', 'acme', '42501'),
    ('app', 'acme', '', 'new', 'acme', '42501'),

    ('retention', 'acme', 'ann', 'a2', 'acme', '42501'),
    ('owner', 'acme', 'ann', 'a2', 'acme', '42501'),
    ('owner', 'acme', 'ann', 'new', 'acme', '42501'),
    ('monitor', 'acme', 'ann', 'a2', 'acme', '42501'),
    ('nobody', 'acme', 'ann', 'a2', 'acme', '42501')
) AS cell (actor, tenant, me, id, into_tenant, expected);

-- Whatever it says after ON CONFLICT. There is no key that spans tenants, and no way to move what
-- is met.
SELECT is(
    effect(actor, 'acme', me, format(
        'INSERT INTO skill_messages '
        '(id, tenant_id, from_user_id, to_user_id, subject_skill_id, message) '
        'VALUES (%L, ''acme'', %L, ''ben'', ''knots'', ''New'') ON CONFLICT %s', id, me, action)),
    expected, format('%s as %s upserts %s: ON CONFLICT %s', actor, me, id, action)
)
FROM (VALUES
    ('service', 'ann', 'a1', 'DO NOTHING', '0 rows'),
    ('service', 'ann', 'g1', 'DO NOTHING', '1 rows: message g1 of acme'),
    ('app', 'ann', 'a3', 'DO NOTHING', '0 rows'),
    ('app', 'ann', 'g1', 'DO NOTHING', '1 rows: message g1 of acme'),
    ('service', 'ann', 'a1', '(id) DO NOTHING', '42P10'),
    ('service', 'ann', 'g1', '(id) DO UPDATE SET status = ''accepted''', '42P10'),
    ('app', 'ann', 'g1', '(id) DO UPDATE SET status = ''accepted''', '42P10'),
    ('service', 'ann', 'a1', '(id, tenant_id) DO UPDATE SET message = excluded.message', '42501'),
    ('service', 'ann', 'a1', '(id, tenant_id) DO UPDATE SET tenant_id = ''Acme''', '42501'),
    ('service', 'ann', 'a1', '(id, tenant_id) DO UPDATE SET id = ''g1''', '42501'),
    ('service', 'ann', 'a1', '(id, tenant_id) DO UPDATE SET from_user_id = ''cid''', '42501'),
    ('app', 'ann', 'a2', '(id, tenant_id) DO UPDATE SET to_user_id = ''cid''', '42501'),
    ('service', 'ann', 'a4', '(id, tenant_id) DO UPDATE SET read_at = excluded.read_at', '1 rows'),
    ('service', 'ann', 'a1', '(id, tenant_id) DO UPDATE SET read_at = now() WHERE false', '0 rows'),
    ('app', 'ann', 'a2', '(id, tenant_id) DO UPDATE SET read_at = now()',
        '1 rows: message a2 of acme')
) AS cell (actor, me, id, action, expected);

-- Its WHERE is asked after the policies, on a server that is closed to CVE-2026-120154.
SELECT CASE
    WHEN current_setting('server_version_num')::int >= CASE
        WHEN current_setting('server_version_num')::int / 10000 = 15 THEN 150020
        WHEN current_setting('server_version_num')::int / 10000 = 16 THEN 160016
        WHEN current_setting('server_version_num')::int / 10000 = 17 THEN 170012
        ELSE 180007
    END
    THEN is(
        effect(actor, 'acme', 'ann', format(
            'INSERT INTO skill_messages '
            '(id, tenant_id, from_user_id, to_user_id, subject_skill_id, message) '
            'VALUES (''a3'', ''acme'', ''ann'', ''ben'', ''knots'', ''New'') '
            'ON CONFLICT (id, tenant_id) DO UPDATE SET status = ''accepted'' WHERE %s', guess)),
        '42501', format('%s as ann upserts what is between others, WHERE %s', actor, guess)
    )
    ELSE skip('this server is open to CVE-2026-120154')
END
FROM (VALUES ('app'), ('app login'), ('both')) AS actors (actor)
CROSS JOIN (VALUES
    ('skill_messages.message LIKE ''S%'''), ('skill_messages.message NOT LIKE ''S%'''),
    ('skill_messages::text::int = 1'), ('false')
) AS guesses (guess);

-- The host's tables, likewise. Only service writes them.
SELECT is_unless(
    coalesce(unbound(actor), host_owns(tab)), effect(actor, tenant, 'ann', format(
        'INSERT INTO %s (tenant_id, id, name) VALUES (%L, %L, ''New'') '
        'ON CONFLICT (id, tenant_id) DO UPDATE SET %s', tab, into_tenant, id, action)),
    CASE
        WHEN actor NOT IN ('service', 'service login', 'both') THEN '42501'
        WHEN expected = 'row'
            THEN format('1 rows: %s %s of %s', rtrim(tab, 's'), id, into_tenant)
        ELSE expected
    END,
    format('%s in %s upserts %s of %s in %s: %s', actor, tenant, id, into_tenant, tab, action)
)
FROM (VALUES
    ('service'), ('service login'), ('both'), ('app'), ('retention'), ('owner'), ('monitor'),
    ('nobody')
) AS actors (actor)
CROSS JOIN (VALUES
    ('acme', 'users', 'ann', 'acme', 'name = excluded.name', 'row'),
    ('acme', 'users', 'new', 'acme', 'name = excluded.name', 'row'),
    ('acme', 'users', 'gus', 'acme', 'name = excluded.name', 'row'),
    ('acme', 'users', 'gus', 'Acme', 'name = excluded.name', '42501'),
    ('acme', 'users', 'new', 'Acme', 'name = excluded.name', '42501'),
    ('acme', 'users', 'cid', 'acme', 'tenant_id = ''Acme''', '42501'),
    ('Acme', 'users', 'gus', 'Acme', 'name = excluded.name', 'row'),
    ('', 'users', 'ann', 'acme', 'name = excluded.name', '42501'),
    ('acme', 'skills', 'knots', 'acme', 'name = excluded.name', 'row'),
    ('acme', 'skills', 'winds', 'acme', 'name = excluded.name', 'row'),
    ('acme', 'skills', 'winds', 'Acme', 'name = excluded.name', '42501'),
    ('acme', 'skills', 'knots', 'acme', 'tenant_id = ''Acme''', '42501'),
    ('Acme', 'skills', 'knots', 'Acme', 'name = excluded.name', 'row'),
    ('nowhere', 'skills', 'knots', 'acme', 'name = excluded.name', '42501')
) AS cell (tenant, tab, id, into_tenant, action, expected);

SELECT is_unless(
    host_owns(tab), effect('service', tenant, '', format(
        'INSERT INTO %s VALUES (%s) ON CONFLICT %s', tab, row, action)),
    expected, format('service in %s: INSERT INTO %s VALUES (%s) ON CONFLICT %s', tenant, tab, row,
        action)
)
FROM (VALUES
    ('acme', 'users', '''ann'', ''acme'', ''New''', 'DO NOTHING', '0 rows'),
    ('acme', 'users', '''gus'', ''acme'', ''New''', 'DO NOTHING', '1 rows: user gus of acme'),
    ('acme', 'users', '''gus'', ''Acme'', ''New''', 'DO NOTHING', '42501'),
    ('acme', 'users', '''gus'', ''acme'', ''New''', '(id) DO UPDATE SET name = ''x''', '42P10'),
    ('acme', 'skills', '''winds'', ''acme'', ''New''', '(id) DO UPDATE SET name = ''x''', '42P10'),
    ('acme', 'tenants', '''acme'', ''New''', 'DO NOTHING', '0 rows'),
    ('acme', 'tenants', '''Acme'', ''New''', 'DO NOTHING', '42501'),
    ('acme', 'tenants', '''initech'', ''New''', 'DO NOTHING', '42501'),
    ('initech', 'tenants', '''initech'', ''New''', 'DO NOTHING',
        '1 rows: tenant initech of initech'),
    ('acme', 'tenants', '''acme'', ''New''', '(id) DO UPDATE SET name = ''x''', '42501'),
    ('acme', 'tenants', '''Acme'', ''New''', '(id) DO UPDATE SET name = ''x''', '42501')
) AS cell (tenant, tab, row, action, expected);

-- A tenant from nothing, by a login of service: itself, its users and skills, their first message.
SELECT CASE
    WHEN why IS NULL THEN is(act(actor, tenant, me, statement), expected,
        format('step %s, %s as %s in %s: %s', step, actor, me, tenant, what))
    ELSE skip(why)
END
FROM (VALUES
    (1, 'service login', 'initech', '', 'the tenant',
        'INSERT INTO tenants (id, name) VALUES (''initech'', ''Initech'')', '1 rows'),
    (2, 'service login', 'initech', '', 'users, whose ids are taken elsewhere',
        'INSERT INTO users (tenant_id, id, name) VALUES (''initech'', ''ann'', ''Ann''), '
        '(''initech'', ''gus'', ''Gus'')', '2 rows'),
    (3, 'service login', 'initech', '', 'a skill',
        'INSERT INTO skills (tenant_id, id, name) VALUES (''initech'', ''knots'', ''Knots'')',
        '1 rows'),
    (4, 'app', 'initech', 'ann', 'a message, whose id is taken elsewhere',
        $$SELECT send_skill_message('ann', 'gus', 'knots', 'Hello', id => 'a1')$$, 'a1'),
    (5, 'app', 'initech', 'gus', 'arrives', 'SELECT id FROM get_messages_for_user()', 'a1'),
    (6, 'app', 'acme', 'gus', 'nowhere else', 'SELECT id FROM get_messages_for_user()', 'nothing'),
    (7, 'service', 'acme', '', 'nor is the tenant seen', 'SELECT id FROM tenants', 'acme')
) AS story (step, actor, tenant, me, what, statement, expected)
CROSS JOIN LATERAL host_owns('tenants', 'users', 'skills') AS why;

SELECT is_empty(
    $$
        SELECT kind, tenant_id, id FROM pg_temp.everything WHERE tenant_id <> 'initech'
        EXCEPT SELECT kind, tenant_id, id FROM pg_temp.before
        UNION
        SELECT b.kind, b.tenant_id, b.id FROM pg_temp.before AS b
        LEFT JOIN pg_temp.everything AS e
            ON e.kind = b.kind AND e.tenant_id = b.tenant_id AND e.id = b.id
        WHERE e.content IS DISTINCT FROM b.content
    $$,
    'the other tenants are as they were'
);

-- Once it is granted a role, the owner is what any member is: bound to its tenant.
-- From 16 on, the creator of a role is a member that does not inherit, until it is granted that.
SELECT role AS owner,
    CASE WHEN current_setting('server_version_num')::int >= 160000
        THEN 'WITH INHERIT TRUE' ELSE '' END
        AS inherit
FROM actor WHERE name = 'owner' \gset
GRANT skill_messages_service TO :"owner" :inherit;

SELECT is_unless(coalesce(unbound('owner'), concerns_host(statement)),
    attempt('owner', tenant, '', statement), expected,
    format('owner in role service, in %L: %s', tenant, statement))
FROM (VALUES
    ('acme', 'SELECT id FROM skill_messages ORDER BY id', 'a1 a2 a3 a4 a5'),
    ('Acme', 'SELECT id FROM skill_messages ORDER BY id', 'g1 g2'),
    ('', 'SELECT id FROM skill_messages ORDER BY id', 'nothing'),
    ('acme', 'UPDATE skill_messages SET read_at = now() WHERE id = ''g1''', '0 rows'),
    ('acme', 'DELETE FROM skill_messages WHERE tenant_id = ''Acme''', '0 rows'),
    ('hooli', 'INSERT INTO tenants VALUES (''hooli'', ''Hooli'')', '1 rows'),
    ('acme', 'INSERT INTO tenants VALUES (''hooli'', ''Hooli'')', '42501'),
    ('', 'INSERT INTO tenants VALUES (''hooli'', ''Hooli'')', '42501')
) AS member (tenant, statement, expected);

SELECT * FROM finish();
ROLLBACK;
