-- A purge, tenant by tenant and batch by batch. It commits, which a test that rolls back cannot: so
-- a copy of it is called that notes what is left where the procedure commits, and forgets the
-- context as a COMMIT does. Its list of tenants is that of the test.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(24);

CALL add_tenant('initech', 'Initech');
CALL add_user('initech', 'ida', 'Ida');
CALL add_skill('initech', 'staples', 'Staples');

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message,
    created_at)
VALUES ('i1', 'initech', 'ida', 'ida', 'staples', 'Hello', '2026-01-01');

-- a1 is pending and read, a2 accepted and unread; a4, a5 and i1 are decided and read.
UPDATE fixture_messages SET read_at = '2026-02-01' WHERE id IN ('a1', 'i1');
UPDATE fixture_messages SET status = 'accepted' WHERE id IN ('a2', 'i1');

CREATE TABLE purged AS VALUES ('initech'), ('acme');
ALTER TABLE purged RENAME column1 TO id;
GRANT SELECT ON purged TO PUBLIC;

CREATE TABLE commit (number int GENERATED ALWAYS AS IDENTITY, remaining text);

CREATE FUNCTION committed() RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = skill_messages_test, public
AS $$
    INSERT INTO commit (remaining)
    SELECT string_agg(id, ' ' ORDER BY id) FROM fixture_messages WHERE id ~ '^[ai]';
    -- So many that it would never end.
    SELECT 1 / (10 - count(*)) FROM commit;
    SELECT set_config(name, '', true)
    FROM (VALUES ('skill_messages.tenant_id'), ('app.current_tenant_id')) AS s (name)
$$;

CREATE FUNCTION commits() RETURNS text
LANGUAGE sql SECURITY DEFINER
SET search_path = skill_messages_test, public
AS $$ SELECT string_agg(remaining, ', ' ORDER BY number) FROM commit $$;

CREATE FUNCTION copy(name text, notice text) RETURNS text
LANGUAGE sql
AS $$
    SELECT replace(replace(replace(replace(
        pg_get_functiondef('public.purge_skill_messages'::regproc),
        'public.purge_skill_messages(', format('skill_messages_test.%I(', name)),
        'FROM public.tenants', 'FROM skill_messages_test.purged'),
        'COMMIT;', 'PERFORM skill_messages_test.committed();'),
        'RAISE NOTICE', 'RAISE ' || notice)
$$;

SELECT copy('purge', 'DEBUG') \gexec
-- The same, but for what it says of the first tenant: an error.
SELECT copy('purge_aloud', 'EXCEPTION') \gexec

CREATE FUNCTION purge_of(arguments text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    v_deleted bigint;
BEGIN
    EXECUTE format('CALL skill_messages_test.purge(%s)', arguments) INTO v_deleted;
    RETURN v_deleted || ': ' || skill_messages_test.commits();
END;
$$;

SELECT is(
    attempt('retention', '', '', format('SELECT skill_messages_test.purge_of(%L)', arguments)),
    expected, format('purge (%s)', arguments)
)
FROM (VALUES
    ('''1 day'', tenant_id => ''acme''', '2: a1 a2 a3 i1'),
    ('''1 day'', tenant_id => ''acme'', deleted => 7', '2: a1 a2 a3 i1'),
    ('''1 day'', tenant_id => ''initech''', '1: a1 a2 a3 a4 a5'),
    ('''1 day'', tenant_id => ''acme'', include_pending => true', '3: a2 a3 i1'),
    ('''1 day'', tenant_id => ''acme'', include_unread => true', '3: a1 a3 i1'),
    ('''1 day'', 5, ''acme'', true, true', '5: i1, i1'),
    ('''1 day'', 6, ''acme'', true, true', '5: i1'),
    ('''1 day'', tenant_id => ''acme'', dry_run => true', '2: a1 a2 a3 a4 a5 i1'),
    ('''1 day'', 1, ''acme'', true, true, true', '5: a1 a2 a3 a4 a5 i1'),
    ('''0'', tenant_id => ''acme''', '2: a1 a2 a3 i1'),
    ('''1000 years'', tenant_id => ''acme''', '0: a1 a2 a3 a4 a5 i1'),
    ('''-1 day'', tenant_id => ''acme''', '22023'), ('''1 day'', 0, ''acme''', '22023'),
    ('''1 day'', tenant_id => ''acme'', dry_run => NULL', '22023'),
    -- Older than that, and not just as old.
    ('now() - timestamptz ''2026-01-05'', tenant_id => ''acme''', '1: a1 a2 a3 a5 i1')
) AS calls (arguments, expected);

-- A full batch may not be the last: another one follows.
SELECT is(
    regexp_replace(
        attempt('retention', '', '', format(
            'SELECT skill_messages_test.purge_of(''''''1 day'''', %s, ''''acme'''''')', size)),
        'a\d ', '', 'g'),
    expected, format('in batches of %s', size)
)
FROM (VALUES (1, '2: i1, i1, i1'), (2, '2: i1, i1'), (3, '2: i1')) AS batches (size, expected);

-- What it says of a tenant.
SELECT is(
    complaint('retention', '', '', format('CALL skill_messages_test.purge_aloud(''1 day'', %s)',
        arguments)),
    format('P0001 tenant %s (without a hint)', expected), format('purge says (%s)', arguments)
)
FROM (VALUES
    ('1, ''acme''', 'acme: 2 messages deleted'),
    ('tenant_id => ''acme'', dry_run => true', 'acme: 2 messages to delete'),
    ('tenant_id => ''nowhere''', 'nowhere: 0 messages deleted')
) AS calls (arguments, expected);

-- All tenants, one after another, if they are there to be seen.
SELECT is_unless(
    host_owns('tenants'),
    complaint('retention', '', '', 'CALL skill_messages_test.purge(''1 day'')'),
    '42501 tenant_id: none given, and public.tenants shows skill_messages_retention none',
    'whoever may not read the tenants purges none'
);

GRANT SELECT (id) ON tenants TO skill_messages_retention;

SELECT is(
    attempt('retention', '', '', 'SELECT skill_messages_test.purge_of(''''''1 day'''''')'),
    '3: a1 a2 a3 i1, a1 a2 a3', 'acme, then initech'
);

DELETE FROM purged;

SELECT is(
    complaint('retention', '', '', 'CALL skill_messages_test.purge(''1 day'')'),
    '42501 tenant_id: none given, and public.tenants shows skill_messages_retention none',
    'whoever sees no tenant purges none'
);

SELECT * FROM finish();
ROLLBACK;
