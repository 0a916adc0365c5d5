-- Converts a table skill_messages that was written by hand into the package's, in place:
--
--     psql -X -d DB -f sql/convert.sql
--
-- and "sqitch deploy --no-verify" after it. Run it as the owner of the table; the application goes
-- on working.
-- docs/converting.md says what it needs, what it does, and how to back up before: there is no other
-- way back.
--
--     -v check=only      says what is in the way, and changes nothing
--     -v bad_rows=move   moves messages that break a rule to public.skill_messages_rejected, and
--                        does not stop because of them
--
-- Interrupted anywhere, it can be run again and goes on where it stopped. Checks, keys and indexes
-- are written once more here, since on a live table each comes in another way than with a fresh
-- one. A test compares the results.

\set ON_ERROR_STOP on
\set QUIET on
\set SHOW_CONTEXT never
\if :{?bad_rows}
\else
\set bad_rows stop
\endif
\if :{?check}
\else
\set check no
\endif

SET search_path = pg_catalog, pg_temp;
SET client_encoding = 'UTF8';
SET statement_timeout = 0;
SET lock_timeout = 0;
SET default_transaction_isolation = 'read committed';
-- Where a policy would hide a row: an error.
SET row_security = off;

-- As begin_change() does, which may not be there yet.
DO $$
BEGIN
    -- For preflight(), which refuses a table of somebody else's making.
    PERFORM set_config('skill_messages.converting', 'on', false);

    WHILE NOT pg_try_advisory_lock(1936420211) LOOP
        COMMIT;
        PERFORM pg_sleep(0.1);
    END LOOP;
END;
$$;

-- The last step sets this comment.
SELECT
    coalesce(obj_description(to_regclass('public.skill_messages'), 'pg_class'), '')
    LIKE 'Proposals between authors%' AS converted
\gset
\if :converted
\echo public.skill_messages is converted already. Go on: sqitch deploy --no-verify; sqitch verify
\quit
\endif

----------------------------------------------------------------------------------------------------
-- Is it what this script converts?
----------------------------------------------------------------------------------------------------

SELECT :'check' IN ('no', 'only') AND :'bad_rows' IN ('stop', 'move') AS known
\gset
\if :known
\else
DO $$
BEGIN
    RAISE EXCEPTION 'unknown option'
        USING ERRCODE = 'invalid_parameter_value',
              HINT = '-v check=only, -v bad_rows=move, or neither.';
END;
$$;
\endif

\ir convert/check.sql

----------------------------------------------------------------------------------------------------
-- Which messages break a rule?
----------------------------------------------------------------------------------------------------

\ir convert/rules.sql

CREATE TEMPORARY TABLE bad (tenant_id text, id text, reasons text[]);

\ir convert/report.sql

\echo There is no way back but a backup. Until this ends, the owner can make one:
\echo '    pg_dump --format=custom --file=before.dump' :DBNAME

SELECT :'check' = 'only' AS only_check
\gset
\if :only_check
\echo Nothing is in the way, and nothing was changed.
\quit
\endif

----------------------------------------------------------------------------------------------------
-- What the package brings along, and what an application that logs in as the owner needs of it
----------------------------------------------------------------------------------------------------

\echo What the package brings along

SET client_min_messages = warning;
\ir ../deploy/preflight.sql
\ir ../deploy/roles.sql
\ir ../deploy/private/revoke_from_all.sql
\ir ../deploy/private/short_locks.sql
\ir ../deploy/private/host_key_statements.sql
\ir ../deploy/private/new_skill_message_id.sql
\ir ../deploy/tables/users_key.sql
\ir ../deploy/tables/skills_key.sql
SET client_min_messages = notice;

-- The application logs in as the owner. FORCE will bind it, and as a member of the service it goes
-- on seeing its tenant's messages.
DO $$
BEGIN
    IF NOT pg_has_role('skill_messages_service', 'USAGE') THEN
        EXECUTE format('GRANT skill_messages_service TO %I%s', current_user,
            CASE WHEN current_setting('server_version_num')::integer >= 160000
                THEN ' WITH INHERIT TRUE' END);
        RAISE NOTICE '% is now a member of skill_messages_service: it owns public.skill_messages, '
            'and would see no message otherwise', current_user;
    END IF;
END;
$$;

----------------------------------------------------------------------------------------------------
-- Messages that break a rule: out of the way
----------------------------------------------------------------------------------------------------

\ir convert/move.sql

\if :moving
CALL pg_temp.move_bad_rows();
\endif

----------------------------------------------------------------------------------------------------
-- The new column, defaults, whole milliseconds
----------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION skill_messages_private.has_uncut_times(
    created_at timestamptz,
    read_at timestamptz
) RETURNS boolean
LANGUAGE sql
SECURITY INVOKER
RETURN created_at > clock_timestamp()
OR created_at <> date_trunc('milliseconds', created_at)
OR read_at < created_at
OR read_at > clock_timestamp()
OR read_at <> date_trunc('milliseconds', read_at);

CREATE OR REPLACE FUNCTION skill_messages_private.cut_skill_message_times() RETURNS trigger
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.created_at := date_trunc('milliseconds', least(NEW.created_at, clock_timestamp()));
    IF NEW.read_at IS NOT NULL THEN
        NEW.read_at := greatest(
            NEW.created_at, date_trunc('milliseconds', least(NEW.read_at, clock_timestamp()))
        );
    END IF;

    RETURN NEW;
END;
$$;

CALL skill_messages_private.revoke_from_all(
    'skill_messages_private.has_uncut_times(timestamptz, timestamptz)'
);
CALL skill_messages_private.revoke_from_all('skill_messages_private.cut_skill_message_times()');

-- ALTER TYPE to what it is drops the statistics of the texts, which hold some of them. From here on
-- the trigger cuts what the application writes. The old foreign keys make room for the new ones.
SELECT
    format('CALL skill_messages_private.short_locks(%L)', concat_ws(
        '; ',
        'ALTER TABLE public.skill_messages '
        'ADD COLUMN answered_at timestamptz, '
        'ALTER COLUMN message TYPE text, '
        'ALTER COLUMN message SET STATISTICS 0, '
        'ALTER COLUMN id SET DEFAULT skill_messages_private.new_skill_message_id(), '
        'ALTER COLUMN status SET DEFAULT ''pending'', '
        'ALTER COLUMN created_at SET DEFAULT date_trunc(''milliseconds'', now()), '
        'SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, '
        'autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)',
        'CREATE TRIGGER cut_times BEFORE INSERT OR UPDATE ON public.skill_messages '
        'FOR EACH ROW WHEN (skill_messages_private.has_uncut_times(new.created_at, new.read_at)) '
        'EXECUTE FUNCTION skill_messages_private.cut_skill_message_times()',
        (
            SELECT
                string_agg(
                    format(
                        'ALTER TABLE public.skill_messages RENAME CONSTRAINT %I TO %I',
                        c.conname, left(c.conname, 59) || '_old'
                    ), '; '
                )
            FROM pg_constraint AS c
            INNER JOIN pg_temp.rules AS r ON c.conname = r.conname
            WHERE
                c.conrelid = 'public.skill_messages'::regclass
                AND (pg_get_constraintdef(c.oid) <> r.foreign_key OR NOT c.convalidated)
        )
    ))
WHERE
    NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'public.skill_messages'::regclass AND attname = 'answered_at'
    )
\gexec

CREATE STATISTICS IF NOT EXISTS public.skill_messages_to_user_stats (DEPENDENCIES, NDISTINCT)
ON tenant_id, to_user_id FROM public.skill_messages;
CREATE STATISTICS IF NOT EXISTS public.skill_messages_from_user_stats (DEPENDENCIES, NDISTINCT)
ON tenant_id, from_user_id FROM public.skill_messages;

-- In the order of the table, some pages a transaction; what somebody else has locked, in the next
-- round. What is written meanwhile is cut already, wherever it lands.
SELECT
    NOT EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = 'public.skill_messages'::regclass AND tgname = 'times_of_life'
    ) AS uncut
\gset
\if :uncut
\echo Whole milliseconds
DO $$
DECLARE
    c_pages CONSTANT integer := 32;
    v_pages integer;
BEGIN
    LOOP
        v_pages := pg_relation_size('public.skill_messages')
            / current_setting('block_size')::integer;

        FOR v_page IN 0 .. v_pages BY c_pages
        LOOP
            UPDATE public.skill_messages AS m
            SET created_at = m.created_at
            WHERE m.ctid = ANY (ARRAY(
                SELECT u.ctid
                FROM public.skill_messages AS u
                WHERE u.ctid >= format('(%s,0)', v_page)::tid
                    AND u.ctid < format('(%s,0)', v_page + c_pages)::tid
                    AND skill_messages_private.has_uncut_times(u.created_at, u.read_at)
                FOR NO KEY UPDATE SKIP LOCKED
            ));
            COMMIT;
        END LOOP;

        EXIT WHEN NOT EXISTS (
            SELECT FROM public.skill_messages AS m
            WHERE skill_messages_private.has_uncut_times(m.created_at, m.read_at)
        );
        RAISE NOTICE 'waiting for transactions that have messages locked';
        COMMIT;
        PERFORM pg_sleep(1);
    END LOOP;
END;
$$;

-- The replaced versions go before the indexes are built. And an autovacuum that has begun gives way
-- to this one; to the short locks of the next steps it would not.
VACUUM (ANALYZE, TRUNCATE off) public.skill_messages;
\endif

----------------------------------------------------------------------------------------------------
-- Constraints: first for what is written from now on, then for what is there
----------------------------------------------------------------------------------------------------

\echo Constraints

SELECT
    format(
        'CALL skill_messages_private.short_locks(%L)',
        'ALTER TABLE public.skill_messages ' || string_agg(
            format('ADD CONSTRAINT %I CHECK (%s) NOT VALID', checks.conname, checks.condition), ', '
        )
    )
FROM (
    SELECT
        r.conname,
        string_agg(format('(%s)', r.condition), ' AND ' ORDER BY r.number) AS condition
    FROM pg_temp.rules AS r
    WHERE
        r.foreign_key IS NULL AND NOT EXISTS (
            SELECT FROM pg_constraint AS c
            WHERE c.conrelid = 'public.skill_messages'::regclass AND c.conname = r.conname
        )
    GROUP BY r.conname
) AS checks
HAVING count(*) > 0
\gexec

SELECT
    format(
        'CALL skill_messages_private.short_locks(%L)',
        format(
            'ALTER TABLE public.skill_messages ADD CONSTRAINT %I %s NOT VALID',
            r.conname, r.foreign_key
        )
    )
FROM pg_temp.rules AS r
WHERE
    r.foreign_key IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_constraint AS c
        WHERE c.conrelid = 'public.skill_messages'::regclass AND c.conname = r.conname
    )
\gexec

-- Those that were written since the first report.
\ir convert/report.sql
\if :moving
CALL pg_temp.move_bad_rows();
\endif

SELECT
    'ALTER TABLE public.skill_messages '
    || string_agg(format('VALIDATE CONSTRAINT %I', c.conname), ', ')
FROM pg_constraint AS c
WHERE c.conrelid = 'public.skill_messages'::regclass AND NOT c.convalidated
GROUP BY CASE c.contype WHEN 'f' THEN c.oid END
\gexec

SELECT
    format(
        'CALL skill_messages_private.short_locks(%L)',
        format('ALTER TABLE public.skill_messages DROP CONSTRAINT %I', c.conname)
    )
FROM pg_constraint AS c
WHERE
    c.conrelid = 'public.skill_messages'::regclass AND c.contype = 'f'
    AND c.conname NOT IN (SELECT r.conname FROM pg_temp.rules AS r)
\gexec

----------------------------------------------------------------------------------------------------
-- Indexes, beside those that are there
----------------------------------------------------------------------------------------------------

\echo Indexes

CREATE TEMPORARY TABLE wanted (relname text, definition text);
INSERT INTO pg_temp.wanted (relname, definition)
VALUES
('skill_messages_pkey', '(id, tenant_id)'),
('skill_messages_to_user_idx', '(to_user_id, tenant_id, created_at, id COLLATE "C")'),
(
    'skill_messages_unread_idx',
    '(to_user_id, tenant_id) INCLUDE (from_user_id) WHERE (read_at IS NULL)'
),
('skill_messages_from_user_idx', '(from_user_id, tenant_id, created_at, id COLLATE "C")'),
('skill_messages_tenant_id_idx', '(tenant_id)'),
('skill_messages_subject_skill_idx', '(subject_skill_id, tenant_id)'),
(
    'skill_messages_proposed_parent_skill_idx',
    '(proposed_parent_skill_id, tenant_id) WHERE (proposed_parent_skill_id IS NOT NULL)'
);

-- Interrupted.
SELECT format('DROP INDEX CONCURRENTLY public.%I', w.relname || '_new')
FROM pg_temp.wanted AS w
INNER JOIN pg_index AS i ON i.indexrelid = to_regclass(format('public.%I', w.relname || '_new'))
WHERE NOT i.indisvalid
\gexec

SELECT
    format(
        'CREATE %s INDEX CONCURRENTLY %I ON public.skill_messages %s',
        CASE w.relname WHEN 'skill_messages_pkey' THEN 'UNIQUE' END,
        w.relname || '_new',
        w.definition
    )
FROM pg_temp.wanted AS w
WHERE
    to_regclass(format('public.%I', w.relname || '_new')) IS NULL
    AND w.definition IS DISTINCT FROM (
        SELECT substring(pg_get_indexdef(i.indexrelid) FROM '\(.*')
        FROM pg_index AS i
        WHERE i.indexrelid = to_regclass(format('public.%I', w.relname)) AND i.indisvalid
    )
\gexec

----------------------------------------------------------------------------------------------------
-- The rules of a message's life, and the policies, which do not bind the owner yet
----------------------------------------------------------------------------------------------------

\echo Rules, policies, and the swap

-- Each script ends the transaction, after it warned that it cannot begin another.
BEGIN;
CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');
SET LOCAL client_min_messages = error;
\ir ../deploy/rules/message_life.sql

BEGIN;
CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');
SET LOCAL client_min_messages = error;
DROP TRIGGER IF EXISTS cut_times ON public.skill_messages;
DROP FUNCTION skill_messages_private.cut_skill_message_times();
DROP FUNCTION skill_messages_private.has_uncut_times(timestamptz, timestamptz);
\ir ../deploy/rules/message_times.sql

BEGIN;
CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');
SET LOCAL client_min_messages = error;
\ir ../deploy/isolation/tenant_isolation.sql

----------------------------------------------------------------------------------------------------
-- The swap
----------------------------------------------------------------------------------------------------

SET client_min_messages = warning;

SELECT
    format('CALL skill_messages_private.short_locks(%L)', concat_ws(
        '; ',
        format(
            'ALTER TABLE public.skill_messages DROP CONSTRAINT %I, '
            'ADD CONSTRAINT skill_messages_pkey PRIMARY KEY USING INDEX skill_messages_pkey_new',
            c.conname
        ),
        (
            SELECT
                string_agg(
                    format(
                        'DROP INDEX IF EXISTS public.%I; ALTER INDEX public.%I RENAME TO %1$I',
                        w.relname, w.relname || '_new'
                    ), '; '
                )
            FROM pg_temp.wanted AS w
            WHERE
                w.relname <> 'skill_messages_pkey'
                AND to_regclass(format('public.%I', w.relname || '_new')) IS NOT NULL
        ),
        'ALTER TABLE public.skill_messages ENABLE ROW LEVEL SECURITY',
        'ALTER TABLE public.skill_messages FORCE ROW LEVEL SECURITY',
        'COMMENT ON TABLE public.skill_messages IS ''Proposals between authors'''
    ))
FROM pg_constraint AS c
WHERE c.conrelid = 'public.skill_messages'::regclass AND c.contype = 'p'
\gexec

\echo public.skill_messages is converted. Go on: sqitch deploy --no-verify; sqitch verify
