-- On whose behalf a transaction acts: one tenant, and for app one user, whoever chose them and how.
--
-- What a connection brings along as its default cannot be set up here, where nothing may stay: the
-- tests in Python have that.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(406);

-- What becomes of a story: what each step gave, and for whom the transaction acts at the end. A
-- step is a tenant, or a tenant and a user, which set_skill_message_context() is called with; or it
-- is a statement. Each has a savepoint of its own, released if it succeeds, rolled back if it fails
-- or if it says "undone". The story leaves no trace.
CREATE FUNCTION story(actor text, steps text[]) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_role text;
    v_step text;
    v_statement text;
    v_gave text := '';
BEGIN
    SELECT a.role INTO STRICT v_role FROM actor AS a WHERE a.name = actor;

    BEGIN
        IF brought_along() IS NOT NULL THEN
            PERFORM set_config('app.current_tenant_id', '', true),
                set_config('app.current_user_id', '', true);
        END IF;
        EXECUTE format('SET LOCAL ROLE %I', v_role);

        FOREACH v_step IN ARRAY steps LOOP
            v_statement := regexp_replace(v_step, '^undone: ', '');
            IF v_statement !~ '^(SET|RESET|SELECT) ' THEN
                v_statement := format('SELECT set_skill_message_context(%L, %L)',
                    split_part(v_statement, ' ', 1),
                    nullif(split_part(v_statement, ' ', 2), ''));
            END IF;

            BEGIN
                EXECUTE v_statement;
                v_gave := v_gave || 'ok ';
                IF v_step LIKE 'undone: %' THEN
                    RAISE EXCEPTION USING ERRCODE = 'UNDO0';
                END IF;
            EXCEPTION
                WHEN SQLSTATE 'UNDO0' THEN
                    NULL;
                WHEN OTHERS THEN
                    v_gave := v_gave || sqlstate || ' ';
            END;
        END LOOP;

        v_gave := v_gave || '-> ' || concat(current_setting('app.current_tenant_id', true), '/',
            current_setting('app.current_user_id', true));
        RAISE EXCEPTION USING ERRCODE = 'UNDO0';
    EXCEPTION
        WHEN SQLSTATE 'UNDO0' THEN
            RETURN v_gave;
    END;
END;
$$;

-- On a connection that has never had a tenant, a user was chosen.
SELECT is_unless(
    brought_along(), current_setting('app.current_tenant_id', true), NULL,
    'no context was ever set in this session: the next test needs that'
);

SELECT is_unless(
    brought_along(),
    story('app', '{SET LOCAL app.current_user_id = ''ann'',acme ben,acme,acme ann}'),
    'ok SM005 SM005 ok -> acme/ann', 'app, for whom a user was chosen, and never a tenant'
);

-- Nothing was chosen: tenant and user are whichever are given, and the same ones any number of
-- times.
SELECT is_unless(
    CASE WHEN steps::text ~ 'RESET app\.' THEN brought_along() END,
    story(actor, steps), expected, format('%s: %s', actor, steps)
)
FROM (VALUES ('service'), ('app'), ('both'), ('retention'), ('owner'), ('superuser')
) AS actors (actor)
CROSS JOIN (VALUES
    ('{acme}'::text[], 'ok -> acme/'),
    ('{acme ann}', 'ok -> acme/ann'),
    ('{Acme gus}', 'ok -> Acme/gus'),
    ('{nowhere nobody}', 'ok -> nowhere/nobody'),
    ('{acme,acme,acme}', 'ok ok ok -> acme/'),
    ('{acme ann,acme ann,acme ann}', 'ok ok ok -> acme/ann'),

    -- Empty is nothing, however it came there.
    ('{SET LOCAL app.current_tenant_id = '''',SET LOCAL app.current_user_id = '''',acme ann}',
        'ok ok ok -> acme/ann'),
    ('{SET app.current_tenant_id = '''',acme ann}', 'ok ok -> acme/ann'),

    -- One tenant: by the function.
    ('{acme ann,Acme ann}', 'ok SM005 -> acme/ann'),
    ('{acme,Acme}', 'ok SM005 -> acme/'),
    ('{acme,ACME}', 'ok SM005 -> acme/'),
    ('{acme ann,Acme gus,acme ann,Acme gus}', 'ok SM005 ok SM005 -> acme/ann'),

    -- By set_config(), SET LOCAL and SET, then the function.
    ('{"SELECT set_config(''app.current_tenant_id'', ''acme'', true)",Acme}',
        'ok SM005 -> acme/'),
    ('{"SELECT set_config(''app.current_tenant_id'', ''acme'', true)",acme,Acme}',
        'ok ok SM005 -> acme/'),
    ('{"SELECT set_config(''app.current_tenant_id'', ''acme'', false)",Acme,acme}',
        'ok SM005 ok -> acme/'),
    ('{SET LOCAL app.current_tenant_id = ''acme'',Acme,acme}', 'ok SM005 ok -> acme/'),
    ('{SET LOCAL app.current_tenant_id = ''acme'',Acme gus}', 'ok SM005 -> acme/'),
    ('{SET app.current_tenant_id = ''acme'',Acme,acme}', 'ok SM005 ok -> acme/'),
    ('{SET app.current_tenant_id = ''acme'',acme,Acme}', 'ok ok SM005 -> acme/'),

    -- The hint: a session that has set it may take it back, unless the function was called.
    ('{SET app.current_tenant_id = ''acme'',Acme,RESET app.current_tenant_id,Acme}',
        'ok SM005 ok ok -> Acme/'),
    ('{acme,RESET app.current_tenant_id,Acme}', 'ok ok SM005 -> /'),
    ('{acme,SET LOCAL app.current_tenant_id = '''',Acme}', 'ok ok SM005 -> /'),

    -- The tenant and the user of the context, then the same by the function.
    ('{SET LOCAL app.current_tenant_id = ''acme'',SET LOCAL app.current_user_id = ''ann'','
        'acme ann,Acme ann}', 'ok ok ok SM005 -> acme/ann'),

    -- What a savepoint took back was not chosen; what it did not, was.
    ('{undone: acme ann,Acme gus}', 'ok ok -> Acme/gus'),
    ('{undone: acme ann,Acme gus,acme ann}', 'ok ok SM005 -> Acme/gus'),
    ('{acme ann,undone: acme ann,Acme gus}', 'ok ok SM005 -> acme/ann'),
    ('{undone: SET LOCAL app.current_tenant_id = ''acme'',Acme gus}', 'ok ok -> Acme/gus'),
    ('{undone: SET app.current_tenant_id = ''acme'',Acme gus}', 'ok ok -> Acme/gus'),
    ('{SET LOCAL app.current_tenant_id = ''acme'',undone: acme,Acme}', 'ok ok SM005 -> acme/'),

    -- The mark that the function leaves, tampered with: taken away, there is still the tenant; of
    -- another tenant, it is still no other way.
    ('{acme ann,SET LOCAL skill_messages.tenant_id = '''',Acme ann}', 'ok ok SM005 -> acme/ann'),
    ('{acme ann,RESET skill_messages.tenant_id,Acme ann}', 'ok ok SM005 -> acme/ann'),
    ('{acme ann,RESET skill_messages.tenant_id,acme ann}', 'ok ok ok -> acme/ann'),
    ('{acme ann,SET LOCAL skill_messages.tenant_id = ''Acme'',acme ann}',
        'ok ok SM005 -> acme/ann'),
    ('{acme,SET LOCAL skill_messages.tenant_id = ''Acme'',Acme}', 'ok ok SM005 -> acme/'),
    ('{acme,SET LOCAL app.current_tenant_id = ''Acme'',acme}', 'ok ok SM005 -> Acme/'),
    ('{SET LOCAL skill_messages.tenant_id = ''Acme'',acme}', 'ok SM005 -> /'),
    ('{SET skill_messages.tenant_id = ''Acme'',acme}', 'ok SM005 -> /')
) AS stories (steps, expected);

-- One user, for app; the others act for whom they like within the tenant. Both are chosen at once.
SELECT is_unless(
    CASE WHEN steps::text ~ 'RESET app\.' THEN brought_along() END,
    story(actor, steps),
    CASE WHEN actor IN ('app', 'app login', 'both') THEN one_user ELSE any_user END,
    format('%s: %s', actor, steps)
)
FROM (VALUES ('app'), ('app login'), ('both'), ('service'), ('retention'), ('superuser')
) AS actors (actor)
CROSS JOIN (VALUES
    ('{acme ann,acme ben}'::text[], 'ok SM005 -> acme/ann', 'ok ok -> acme/ben'),
    ('{acme ann,acme Ann}', 'ok SM005 -> acme/ann', 'ok ok -> acme/Ann'),
    ('{acme ann,acme}', 'ok SM005 -> acme/ann', 'ok ok -> acme/'),
    ('{acme ann,acme ben,acme ann}', 'ok SM005 ok -> acme/ann', 'ok ok ok -> acme/ann'),
    ('{acme,acme ann}', 'ok SM005 -> acme/', 'ok ok -> acme/ann'),
    ('{undone: acme ann,acme ben}', 'ok ok -> acme/ben', 'ok ok -> acme/ben'),
    ('{acme,undone: acme,acme ann}', 'ok ok SM005 -> acme/', 'ok ok ok -> acme/ann'),
    ('{SET LOCAL app.current_tenant_id = ''acme'',acme ann}', 'ok SM005 -> acme/',
        'ok ok -> acme/ann'),
    ('{SET app.current_tenant_id = ''acme'',acme ann}', 'ok SM005 -> acme/', 'ok ok -> acme/ann'),
    ('{"SELECT set_config(''app.current_tenant_id'', ''acme'', true)",acme ann}',
        'ok SM005 -> acme/', 'ok ok -> acme/ann'),
    ('{SET LOCAL app.current_user_id = ''ann'',acme ann}', 'ok ok -> acme/ann',
        'ok ok -> acme/ann'),
    ('{SET LOCAL app.current_user_id = ''ann'',acme ben}', 'ok SM005 -> /ann',
        'ok ok -> acme/ben'),
    ('{SET LOCAL app.current_user_id = ''ann'',acme}', 'ok SM005 -> /ann', 'ok ok -> acme/'),
    ('{SET app.current_user_id = ''ann'',acme ben}', 'ok SM005 -> /ann', 'ok ok -> acme/ben'),
    ('{SET app.current_user_id = ''ann'',acme ben,RESET app.current_user_id,acme ben}',
        'ok SM005 ok ok -> acme/ben', 'ok ok ok ok -> acme/ben'),
    ('{"SELECT set_config(''app.current_user_id'', ''ann'', true)",Acme gus}', 'ok SM005 -> /ann',
        'ok ok -> Acme/gus'),
    ('{acme ann,RESET app.current_user_id,acme ben}', 'ok ok SM005 -> acme/',
        'ok ok ok -> acme/ben'),
    ('{acme ann,RESET skill_messages.tenant_id,acme ben}', 'ok ok SM005 -> acme/ann',
        'ok ok ok -> acme/ben'),
    ('{SET LOCAL app.current_tenant_id = ''acme'',SET LOCAL app.current_user_id = ''ann'','
        'acme ben}', 'ok ok SM005 -> acme/ann', 'ok ok ok -> acme/ben')
) AS stories (steps, one_user, any_user);

-- The error names the argument, not the tenant or user that it is about, and the hint says what to
-- do.
SELECT is(
    complaint(actor, 'acme', 'ann', format('SELECT set_skill_message_context(%s)', arguments)),
    expected, format('%s, already in acme as ann: %s', actor, arguments)
)
FROM (VALUES
    ('service', '''Acme''', 'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('retention', '''Acme''',
        'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('app', '''Acme'', ''ann''',
        'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('app', '''Acme'', ''ben''',
        'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('app', '''acme'', ''ben''',
        'SM005 user_id: this transaction or session acts for another user, or for none'),
    ('both', '''acme''',
        'SM005 user_id: this transaction or session acts for another user, or for none')
) AS calls (actor, arguments, expected);

SELECT matches(t.hint, expected, format('the hint, after %s', arguments))
FROM (VALUES
    ('''Acme'', ''ann''', '^End the transaction first\. .*RESET'),
    ('''acme'', ''ben''', '^End the transaction first, and choose tenant and user at once\.')
) AS calls (arguments, expected)
CROSS JOIN trial('app', 'acme', 'ann', format('SELECT set_skill_message_context(%s)',
    arguments), false) AS t;

-- No tenant, and a longer one than a context takes, change nothing.
SELECT is(story(actor, ARRAY[before, format('SELECT set_skill_message_context(%s)',
    arguments)]), format('ok %s -> %s', expected, replace(before, ' ', '/')),
    format('%s, acting for %s: %s', actor, before, left(arguments, 40)))
FROM (VALUES ('service'), ('app'), ('retention')) AS actors (actor)
CROSS JOIN (VALUES ('acme ann')) AS contexts (before)
CROSS JOIN (VALUES
    ('NULL', 'SM001'), (''''', NULL', 'SM001'), ('NULL, ''ann''', 'SM001'),
    (''''', ''ann''', 'SM001'), ('user_id => ''ann'', tenant_id => NULL', 'SM001'),
    ('repeat(''x'', 256), ''ann''', '22023'), ('''acme'', repeat(''x'', 256)', '22023'),
    ('repeat(''é'', 128), ''ann''', '22023'), ('''acme'', repeat(''é'', 128)', '22023')
) AS calls (arguments, expected);

SELECT is(
    complaint(actor, '', '', format('SELECT set_skill_message_context(%s)', arguments)), expected,
    format('%s: %s', actor, arguments)
)
FROM (VALUES ('service'), ('app'), ('retention')) AS actors (actor)
CROSS JOIN (VALUES
    ('repeat(''x'', 255), repeat(''y'', 255)', 'no error: '),
    ('repeat(''é'', 127) || ''x'', repeat(''é'', 127) || ''y''', 'no error: '),
    ('repeat(''x'', 256), ''ann''', '22023 tenant_id is longer than 255 bytes'),
    ('repeat(''é'', 128), NULL', '22023 tenant_id is longer than 255 bytes'),
    ('''acme'', repeat(''x'', 256)', '22023 user_id is longer than 255 bytes'),
    ('''acme'', repeat(''é'', 128)', '22023 user_id is longer than 255 bytes'),
    ('repeat(''x'', 256), repeat(''x'', 256)', '22023 tenant_id is longer than 255 bytes'),
    ('NULL, repeat(''x'', 256)', 'SM001 tenant_id: no tenant given'),
    ('''''', 'SM001 tenant_id: no tenant given')
) AS calls (arguments, expected);

-- And it is what the operations go by. A refused change leaves them where they were.
CREATE FUNCTION choice(tenant text, me text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_skill_message_context(tenant, me);
    RETURN 'chosen';
EXCEPTION
    WHEN SQLSTATE 'SM005' THEN
        RETURN 'refused';
END;
$$;

SELECT is(
    attempt(actor, '', '', format('SELECT first, second, (SELECT string_agg(id, '' '') FROM '
        'get_messages_for_user()) FROM choice(''acme'', ''ann'') AS first, '
        'choice(%L, %L) AS second', tenant, me)),
    expected, format('%s acts for ann in acme, then for %s in %s: the inbox', actor, me, tenant)
)
FROM (VALUES
    ('service', 'acme', 'ann', 'chosen,chosen,a5 a2'),
    ('service', 'acme', 'ben', 'chosen,chosen,a4 a1'),
    ('service', 'Acme', 'gus', 'chosen,refused,a5 a2'),
    ('app', 'acme', 'ann', 'chosen,chosen,a5 a2'),
    ('app', 'acme', 'ben', 'chosen,refused,a5 a2'),
    ('app', 'Acme', 'gus', 'chosen,refused,a5 a2')
) AS calls (actor, tenant, me, expected);

SELECT * FROM finish();
ROLLBACK;
