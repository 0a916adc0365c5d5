-- Figures: of a tenant, for whoever may see its messages; of all tenants, for monitoring, without
-- any content.

BEGIN;
\ir ../include/fixture.psql
\ir ../include/after.psql
SELECT plan(63);

-- The time of an answer is now(), which is no time to compare with: the rules are off for this.
CREATE FUNCTION answer(id text, answered_at timestamptz) RETURNS void LANGUAGE sql
SET session_replication_role = replica
AS $$ UPDATE fixture_messages AS m SET answered_at = $2 WHERE m.id = $1 $$;

-- The fixture: acme has three pending and unread, a4 accepted and a5 declined, both after 31 days;
-- Acme has two pending.
SELECT answer('a4', '2026-02-04'), answer('a5', '2026-02-05');

SELECT is(
    attempt(actor, tenant, me, 'SELECT to_jsonb(s) FROM get_message_stats() AS s'),
    expected::jsonb::text, format('%s as %s in %s', actor, me, tenant)
)
FROM (VALUES
    ('service', 'acme', '', '{"pending": 3, "accepted": 1, "declined": 1, "unread": 3,
        "oldest_pending_created_at": "2026-01-01T00:00:00+00:00",
        "median_time_to_answer": "31 days"}'),
    ('service', 'Acme', '', '{"pending": 2, "accepted": 0, "declined": 0, "unread": 2,
        "oldest_pending_created_at": "2026-01-01T00:00:00+00:00", "median_time_to_answer": null}'),
    ('service', 'nowhere', '', '{"pending": 0, "accepted": 0, "declined": 0, "unread": 0,
        "oldest_pending_created_at": null, "median_time_to_answer": null}'),
    ('superuser', 'Acme', '', '{"pending": 2, "accepted": 0, "declined": 0, "unread": 2,
        "oldest_pending_created_at": "2026-01-01T00:00:00+00:00", "median_time_to_answer": null}'),

    -- A signed-in user's figures are those of its own messages, sent and received.
    ('app', 'acme', 'ann', '{"pending": 2, "accepted": 1, "declined": 1, "unread": 2,
        "oldest_pending_created_at": "2026-01-01T00:00:00+00:00",
        "median_time_to_answer": "31 days"}'),
    ('app', 'acme', 'cid', '{"pending": 1, "accepted": 0, "declined": 0, "unread": 1,
        "oldest_pending_created_at": "2026-01-03T00:00:00+00:00", "median_time_to_answer": null}'),
    ('both', 'acme', 'cid', '{"pending": 1, "accepted": 0, "declined": 0, "unread": 1,
        "oldest_pending_created_at": "2026-01-03T00:00:00+00:00", "median_time_to_answer": null}'),
    ('app', 'acme', 'gus', '{"pending": 0, "accepted": 0, "declined": 0, "unread": 0,
        "oldest_pending_created_at": null, "median_time_to_answer": null}')
) AS views (actor, tenant, me, expected);

-- Whom the policies show nothing for want of a role is told so; zeros would be a lie.
SELECT is_unless(
    CASE WHEN expected ~ '^42501' THEN a.unbound END,
    complaint(actor, tenant, '', 'SELECT pending FROM get_message_stats()'),
    expected, format('%s in tenant %L', actor, tenant)
)
FROM actor AS a
CROSS JOIN LATERAL (VALUES
    ('owner', 'acme', format('42501 %s does not have the rights of skill_messages_service or '
        'skill_messages_app', a.role)),
    ('owner', '', 'SM001 app.current_tenant_id: no tenant in the context'),
    ('service', '', 'SM001 app.current_tenant_id: no tenant in the context'),
    ('app', 'acme', 'SM001 app.current_user_id: no user in the context')
) AS refusals (actor, tenant, expected)
WHERE a.name = 'owner';

-- Answered is not read, read is not answered, the oldest message is not the oldest pending one, and
-- the median of two is between them.
UPDATE fixture_messages SET status = 'accepted' WHERE id IN ('a1', 'g1', 'g2');
UPDATE fixture_messages SET read_at = '2026-01-12' WHERE id IN ('a2', 'g1', 'g2');
SELECT answer('a1', '2026-02-05'), answer('g1', '2026-01-11'),
    answer('g2', '2026-01-05');

SELECT is(
    attempt('service', tenant, '', 'SELECT to_jsonb(s) FROM get_message_stats() AS s'),
    expected::jsonb::text, format('%s, later', tenant)
)
FROM (VALUES
    ('acme', '{"pending": 2, "accepted": 2, "declined": 1, "unread": 2,
        "oldest_pending_created_at": "2026-01-02T00:00:00+00:00",
        "median_time_to_answer": "31 days"}'),
    ('Acme', '{"pending": 0, "accepted": 2, "declined": 0, "unread": 0,
        "oldest_pending_created_at": null,
        "median_time_to_answer": "6 days 12:00:00"}')
) AS views (tenant, expected);

-- A decision whose time nobody knows, of a table that was adopted, counts, and says nothing of how
-- long an answer takes.
SELECT answer('g2', NULL);

SELECT is(
    attempt('service', 'Acme', '',
        'SELECT accepted, median_time_to_answer FROM get_message_stats()'),
    '2,10 days', 'a decision without a time'
);

-- To mark a message read or to decide it twice changes no figure.
UPDATE skill_messages SET read_at = NULL, status = status WHERE tenant_id = 'Acme';

SELECT is(
    attempt('service', 'Acme', '', 'SELECT accepted, unread FROM get_message_stats()'),
    '2,0', 'said again, or taken back'
);

-- The view: its columns, none of which can hold content, and who may read it.
SELECT is(
    (SELECT jsonb_object_agg(attname, format_type(atttypid, atttypmod)) FROM pg_attribute
    WHERE attrelid = 'skill_message_totals'::regclass AND attnum > 0),
    '{"messages": "bigint", "unread": "bigint", "sent": "bigint", "changed": "bigint",
      "deleted": "bigint", "table_bytes": "bigint", "index_bytes": "bigint",
      "last_vacuumed_at": "timestamp with time zone",
      "last_analyzed_at": "timestamp with time zone"}'::jsonb,
    'numbers and times, no text'
);

SELECT is_empty(
    $$
        SELECT DISTINCT refobjid::regclass, refobjsubid
        FROM pg_depend JOIN pg_rewrite AS r ON r.oid = objid
        WHERE r.ev_class = 'skill_message_totals'::regclass AND deptype = 'n'
            AND refclassid = 'pg_class'::regclass
            AND refobjid = 'skill_messages'::regclass AND refobjsubid > 0
    $$,
    'it reads no column of the messages'
);

-- One row, whoever asks and whatever the context: it is no tenant's.
SELECT is(
    attempt(actor, tenant, '', 'SELECT count(*) FROM skill_message_totals'), expected,
    format('%s in tenant %L reads the totals', actor, tenant)
)
FROM (VALUES
    ('monitor', '1'), ('superuser', '1'), ('owner', '1'), ('service', '42501'), ('app', '42501'),
    ('both', '42501'), ('retention', '42501'), ('nobody', '42501')
) AS actors (actor, expected)
CROSS JOIN (VALUES ('acme'), ('')) AS tenants (tenant);

-- Monitoring sees totals and nothing else.
SELECT is_unless(concerns_host(statement), attempt('monitor', 'acme', 'ann', statement), '42501',
    'monitor: ' || statement)
FROM (VALUES
    ('SELECT count(*) FROM skill_messages'),
    ('SELECT id FROM tenants'),
    ('SELECT id FROM users'),
    ('SELECT id FROM skills'),
    ('SELECT name FROM skill_messages_private.tenant_names'),
    ('SELECT name FROM skill_messages_private.user_names'),
    ('SELECT name FROM skill_messages_private.skill_names'),
    ('SELECT skill_messages_private.acts_as_app()'),
    ('SELECT skill_messages_private.new_skill_message_id()'),
    ('SELECT deleted FROM erase_user_messages(''ann'')'),
    ('CALL purge_skill_messages(''1 day'')'),
    ('SELECT switch_skill_message_notifications(true)'),
    ('SELECT pending FROM get_message_stats()'),
    ('SELECT send_skill_message(''ann'', ''ben'', ''knots'', ''Hello'')'),
    ('SELECT set_skill_message_context(''acme'')')
) AS tries (statement);

SELECT is(
    attempt('monitor', 'acme', 'ann', 'UPDATE skill_message_totals SET messages = 0'), '55000',
    'nor does it write'
);
SELECT is(
    (SELECT reloptions FROM pg_class WHERE oid = 'skill_message_totals'::regclass),
    '{security_invoker=true}', 'the view reads as whoever looks'
);

-- The figures are the server's statistics, most of which count when a transaction has committed.
-- What ANALYZE writes can be set here, so that it rolls back.
UPDATE pg_class SET reltuples = 42 WHERE oid = 'skill_messages_unread_idx'::regclass;
UPDATE pg_class SET reltuples = 77 WHERE oid = 'skill_messages'::regclass;

SELECT is(attempt('monitor', '', '', 'SELECT unread FROM skill_message_totals'), '42',
    'unread is how many the index of unread messages has');

-- Vacuumed or analyzed, as 77 tells: either the counters know of that, or they were forgotten.
SELECT is(
    attempt('monitor', '', '', 'SELECT messages, sent, changed, deleted FROM skill_message_totals'),
    CASE WHEN coalesce(last_vacuum, last_autovacuum, last_analyze, last_autoanalyze) IS NULL
        THEN '77,null,null,null'
        ELSE concat_ws(',', n_live_tup, n_tup_ins, n_tup_upd, n_tup_del)
    END,
    'what the server has forgotten is null, but for what the catalogue tells'
)
FROM pg_stat_all_tables WHERE relid = 'skill_messages'::regclass;

UPDATE pg_class SET reltuples = -1 WHERE oid = 'skill_messages'::regclass;

SELECT is(attempt('monitor', '', '', 'SELECT unread IS NULL FROM skill_message_totals'), 'true',
    'unread is null before the first ANALYZE of what is there');

SELECT is(
    attempt('monitor', '', '', 'SELECT table_bytes, index_bytes FROM skill_message_totals'),
    pg_table_size('skill_messages') || ',' || pg_indexes_size('skill_messages'),
    'the sizes are those of the table and of its indexes'
);

-- Whether the counters are believed, by what the catalogue says: -1 stands for never vacuumed or
-- analyzed, 0 and 1 for what was counted then.
SELECT is(
    after(
        CASE WHEN emptied THEN 'TRUNCATE skill_messages CASCADE; ' ELSE '' END
        || 'UPDATE pg_class SET reltuples = 5 WHERE oid = ''skill_messages_unread_idx''::regclass;'
        || 'UPDATE pg_class SET reltuples = $$' || counted
        || '$$ WHERE oid = ''skill_messages''::regclass',
        'SELECT row(messages, unread, sent, changed, deleted)::text FROM skill_message_totals',
        'monitor'
    ),
    row(CASE WHEN known THEN s.n_live_tup WHEN counted >= 0 THEN counted END,
        CASE WHEN counted >= 0 THEN 5 WHEN emptied THEN 0 END,
        CASE WHEN known THEN s.n_tup_ins END, CASE WHEN known THEN s.n_tup_upd END,
        CASE WHEN known THEN s.n_tup_del END)::text,
    format('the catalogue says %s, empty: %s', counted, emptied)
)
FROM pg_stat_all_tables AS s
CROSS JOIN (VALUES (-1), (0), (1)) AS catalogue (counted)
CROSS JOIN (VALUES (true), (false)) AS tables (emptied)
CROSS JOIN LATERAL (
    SELECT s.last_vacuum IS NOT NULL OR s.last_autovacuum IS NOT NULL OR s.last_analyze IS NOT NULL
        OR s.last_autoanalyze IS NOT NULL OR counted = -1 AND (emptied OR s.n_tup_ins > 0)
) AS counters (known)
WHERE s.relid = 'skill_messages'::regclass;

SELECT is(
    after(change, 'SELECT concat_ws('','', count(*), max(unread)) FROM skill_message_totals',
        'monitor'), expected, change
)
FROM (VALUES
    ('ALTER INDEX skill_messages_unread_idx RENAME TO other', '1'),
    ('CREATE TABLE other (id text); CREATE INDEX skill_messages_unread_idx ON other (id)', '1')
) AS changes (change, expected);

SELECT * FROM finish();
ROLLBACK;
