-- Writes everything as JSON lines, for sql/import.sql:
--
--     psql -XqAt -d DB -f sql/export.sql > messages.jsonl
--
-- That is all messages, after the tenants, users and skills where those tables are of the package's
-- making. All lines are of one snapshot. The last line says how many stand above it, and is there
-- only if all of them are.
--
-- Run it as the owner of the tables. FORCE hides their rows from the owner too, so it is taken off
-- in a transaction that is rolled back. Nobody else sees it off, but the tables are locked until
-- the export ends. A role that bypasses row-level security and may read the tables locks nothing.

\set ON_ERROR_STOP on
\set QUIET on

BEGIN;

SET LOCAL transaction_isolation = 'repeatable read';
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_encoding = 'UTF8';
-- Values are written in one form, whatever the database or the role prefers.
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SET LOCAL intervalstyle = 'iso_8601';
SET LOCAL extra_float_digits = 1;
SET LOCAL statement_timeout = 0;
-- Rather fail than queue the application behind a waiting export.
SET LOCAL lock_timeout = '5s';
-- Where a policy would still hide a row: an error.
SET LOCAL row_security = off;

DO $$
DECLARE
    v_table record;
    v_locked text;
BEGIN
    IF to_regclass('public.skill_messages') IS NULL THEN
        RAISE EXCEPTION 'the database % has no table public.skill_messages', current_database()
            USING ERRCODE = 'undefined_table',
                  HINT = 'Connect to the database that the package is deployed to.';
    END IF;

    FOR v_table IN
        SELECT c.oid::regclass AS name, c.relowner, pg_has_role(c.relowner, 'USAGE') AS own
        FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace
            AND row_security_active(c.oid)
            AND (
                c.relname = 'skill_messages'
                OR (
                    c.relname IN ('tenants', 'users', 'skills')
                    AND obj_description(c.oid, 'pg_class') LIKE '%(created by skill_messages)'
                )
            )
        -- As a send locks them: the message first, then what it refers to.
        ORDER BY c.relname <> 'skill_messages', c.relname
    LOOP
        IF NOT v_table.own THEN
            RAISE EXCEPTION 'row-level security hides rows of % from %', v_table.name, current_user
                USING ERRCODE = 'insufficient_privilege',
                      HINT = format('Export as the owner, %s, or as a role that has BYPASSRLS and '
                          'may read the table.', v_table.relowner::regrole);
        END IF;

        EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', v_table.name);
        v_locked := concat_ws(', ', v_locked, v_table.name);
    END LOOP;

    IF v_locked IS NOT NULL THEN
        RAISE NOTICE 'locked until the export ends: %', v_locked;
    END IF;
END;
$$;

SELECT array_agg(place.relname ORDER BY place.number) AS exported
FROM
    (
        VALUES (1, 'tenants'), (2, 'users'), (3, 'skills'), (4, 'skill_messages')
    ) AS place (number, relname)
WHERE
    place.relname = 'skill_messages'
    OR obj_description(to_regclass('public.' || place.relname), 'pg_class')
    LIKE '%(created by skill_messages)'
\gset

-- Neither delimiter nor quote can occur in JSON, so that each line comes out as it is. A value of
-- type json, in a column that somebody added to a host table, may have line breaks between its
-- parts.
SELECT format($copy$
    COPY (
        SELECT translate(
            json_build_object('table', %L, 'row', row_to_json(t.*))::text, E'\n\r', '  '
        )
        FROM public.%1$I AS t
    ) TO STDOUT WITH (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01')
    $copy$, ours.relname)
FROM unnest(:'exported'::text[]) AS ours (relname)
\gexec

SELECT
    format(
        'COPY (SELECT json_build_object(''end_of_export'', %s)) TO STDOUT',
        string_agg(format('(SELECT count(*) FROM public.%I)', ours.relname), ' + ')
    )
FROM unnest(:'exported'::text[]) AS ours (relname)
\gexec

ROLLBACK;
