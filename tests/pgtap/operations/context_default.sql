-- A tenant and a user that the connection brings along as its default: nobody chose them, so they
-- may be replaced, once a transaction. The file connects anew, unless there
-- is such a default.

\set QUIET on
SELECT current_setting('app.current_tenant_id', true) IS DISTINCT FROM 'Acme' AS anew \gset
\if :anew
\connect -reuse-previous=on "options='-c app.current_tenant_id=Acme -c app.current_user_id=gus'"
\endif
BEGIN;
\ir ../include/fixture.psql
SELECT plan(22);

-- Without a call of set_skill_message_context(), the default is the context.
SELECT is(attempt(actor, NULL, 'gus', 'SELECT id FROM get_messages_for_user()'), 'g1',
    actor || ' reads as the default')
FROM (VALUES ('service'), ('app')) AS actors (actor);

SELECT is(complaint(actor, NULL, 'gus', 'SELECT set_skill_message_context(' || first || ')'
        || coalesce(', set_skill_message_context(' || second || ')', '')),
    CASE WHEN expected IS NULL THEN 'no error: ' || CASE WHEN second IS NULL THEN '' ELSE ',' END
        ELSE 'SM005 ' || expected || ': this transaction or session acts for another '
            || CASE expected WHEN 'user_id' THEN 'user, or for none' ELSE 'tenant' END END,
    format('%s chooses %s, then %s', actor, first, coalesce(second, 'nothing')))
FROM (VALUES
    ('service', '''acme''', NULL, NULL), ('app', '''acme'', ''ann''', NULL, NULL),
    ('app', '''Acme'', ''Ann''', NULL, NULL), ('app', '''Acme'', ''gus''', NULL, NULL),
    ('app', '''Acme''', NULL, NULL), ('retention', '''acme''', NULL, NULL),
    -- Once.
    ('service', '''acme''', '''acme'', ''ann''', NULL),
    ('service', '''acme''', '''Acme''', 'tenant_id'),
    ('app', '''acme'', ''ann''', '''acme'', ''ann''', NULL),
    ('app', '''acme'', ''ann''', '''acme'', ''ben''', 'user_id'),
    ('app', '''acme'', ''ann''', '''Acme'', ''gus''', 'tenant_id'),
    ('app', '''Acme'', ''gus''', '''Acme'', ''Ann''', 'user_id'),
    ('app', '''Acme'', ''gus''', '''acme'', ''ann''', 'tenant_id')
) AS choices (actor, first, second, expected);

-- What was set is no default, be it the tenant or the user alone.
SELECT is(complaint(actor, tenant, me, 'SELECT set_skill_message_context(' || choice || ')'),
    expected, format('%s set %L and %L, and chooses %s', actor, tenant, me, choice))
FROM (VALUES
    ('service', 'acme', 'gus', '''Acme''',
        'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('service', 'acme', 'ann', '''acme''', 'no error: '),
    ('app', 'acme', 'ann', '''Acme'', ''gus''',
        'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('app', 'Acme', 'Ann', '''Acme'', ''gus''',
        'SM005 user_id: this transaction or session acts for another user, or for none'),
    ('app', 'Acme', 'Ann', '''acme'', ''ann''',
        'SM005 tenant_id: this transaction or session acts for another tenant'),
    ('app', 'Acme', 'gus', '''acme'', ''ann''', 'no error: ')
) AS choices (actor, tenant, me, choice, expected);

-- The defaults that were looked up are not what is left: a refused choice changes nothing.
SELECT is(
    attempt('app', 'acme', 'ann', $$
        DO $do$
        BEGIN
            PERFORM set_skill_message_context('Acme', 'gus');
        EXCEPTION
            WHEN SQLSTATE 'SM005' THEN
                ASSERT current_setting('app.current_tenant_id') = 'acme'
                    AND current_setting('app.current_user_id') = 'ann';
        END
        $do$
    $$), '0 rows', 'a refused choice leaves the context as it was'
);

SELECT * FROM finish();
ROLLBACK;
