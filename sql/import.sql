-- Takes back what sql/export.sql wrote:
--
--     psql -X -d DB -f sql/import.sql < messages.jsonl
--
-- Run it as the owner of the table skill_messages. All or nothing: where a line is refused, each
-- such line is listed with its number and its reason, and nothing is imported. To import the others
-- and have the refused lines in a file, to be mended and imported in their turn:
--
--     psql -X -d DB -v refused=refused.jsonl -f sql/import.sql < messages.jsonl
--
-- A row that is there already, with the same content, is no error. So the import can be run again.
--
-- What was read and decided comes back as it was: the rules of a message's life and row-level
-- security are set aside, in this transaction alone, and the tables are locked meanwhile. Checks
-- and foreign keys hold. No notification is sent.

\set ON_ERROR_STOP on
\set QUIET on

BEGIN;

SET LOCAL transaction_isolation = 'read committed';
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_encoding = 'UTF8';
-- What a time without a zone means.
SET LOCAL timezone = 'UTC';
SET LOCAL statement_timeout = 0;
-- Rather fail than queue the application behind a waiting import.
SET LOCAL lock_timeout = '5s';
-- Where a policy would still hide a row: an error.
SET LOCAL row_security = off;
-- Tables that grow from nothing have no statistics: look up each row by its key.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;

SET CONSTRAINTS ALL IMMEDIATE;

DO $$
BEGIN
    IF to_regclass('public.skill_messages') IS NULL THEN
        RAISE EXCEPTION 'the database % has no table public.skill_messages', current_database()
            USING ERRCODE = 'undefined_table',
                  HINT = 'Deploy the package first.';
    ELSIF NOT EXISTS (
        SELECT
        FROM pg_class AS c
        WHERE c.oid = to_regclass('public.skill_messages') AND pg_has_role(c.relowner, 'USAGE')
    ) THEN
        RAISE EXCEPTION '% does not own public.skill_messages', current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Only its owner may set its rules aside, which an import has to do.';
    END IF;
END;
$$;

CREATE TEMPORARY TABLE lines (
    line_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    line_text text
);
CREATE TEMPORARY TABLE contents (
    line_no bigint PRIMARY KEY,
    relname text,
    row_data jsonb
);
CREATE TEMPORARY TABLE refused (
    line_no bigint PRIMARY KEY,
    code text,
    reason text
);
CREATE TEMPORARY TABLE report (
    relname text PRIMARY KEY,
    added bigint
);

-- Neither delimiter nor quote can occur in JSON, so that each line goes in as it is.
\copy pg_temp.lines (line_text) FROM pstdin WITH (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01')

-- What can be said of the lines without a lock on any table.
DO $$
DECLARE
    c_tables CONSTANT text[] := ARRAY['tenants', 'users', 'skills', 'skill_messages'];
    c_reason CONSTANT integer := 300;
    v_line record;
    v_content jsonb;
    v_lines bigint := 0;
    v_detail text;
BEGIN
    FOR v_line IN
        SELECT l.line_no, l.line_text
        FROM pg_temp.lines AS l
        WHERE l.line_text ~ '\S'
        ORDER BY l.line_no
    LOOP
        v_lines := v_lines + 1;
        v_content := NULL;

        BEGIN
            v_content := v_line.line_text::jsonb;
        EXCEPTION
            WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
                INSERT INTO pg_temp.refused
                VALUES (
                    v_line.line_no, SQLSTATE, left(concat_ws(': ', SQLERRM, v_detail), c_reason)
                );
        END;

        INSERT INTO pg_temp.contents
        VALUES (v_line.line_no, v_content ->> 'table', v_content -> 'row');
    END LOOP;

    IF jsonb_typeof(v_content -> 'end_of_export') IS DISTINCT FROM 'number' THEN
        RAISE EXCEPTION 'the file is not complete: its last line does not say end_of_export'
            USING ERRCODE = 'data_exception',
                  HINT = 'Export again. Nothing was imported.';
    ELSIF (v_content ->> 'end_of_export')::numeric <> v_lines - 1 THEN
        RAISE EXCEPTION 'the file is not complete: its last line speaks of % lines above it, and '
            'there are %', v_content -> 'end_of_export', v_lines - 1
            USING ERRCODE = 'data_exception',
                  HINT = 'Export again, or write the right number if you took lines out yourself. '
                         'Nothing was imported.';
    END IF;

    DELETE FROM pg_temp.contents AS c
    WHERE c.line_no = (SELECT max(c.line_no) FROM pg_temp.contents AS c);

    INSERT INTO pg_temp.refused
    SELECT
        c.line_no,
        CASE WHEN c.relname <> ALL (c_tables) THEN '42P01' ELSE '22023' END,
        CASE
            WHEN c.relname <> ALL (c_tables) THEN format('unknown table %I', c.relname)
            ELSE 'not of the form {"table": …, "row": {…}}'
        END
    FROM pg_temp.contents AS c
    WHERE (c.relname = ANY (c_tables) AND jsonb_typeof(c.row_data) = 'object') IS NOT TRUE
        AND NOT EXISTS (SELECT FROM pg_temp.refused AS r WHERE r.line_no = c.line_no);
END;
$$;

ANALYZE pg_temp.contents;

DO $$
DECLARE
    c_batch CONSTANT bigint := 1024;
    c_reason CONSTANT integer := 300;
    v_tables text[];
    v_table text;
    v_aside text;
    v_back text;
    v_columns text[];
    v_others text[];
    v_batch text;
    v_compare text;
    v_insert text;
    v_next bigint;
    v_last bigint;
    v_size bigint;
    v_added bigint;
    v_rows bigint;
    v_detail text;
    v_constraint text;
BEGIN
    v_tables := ARRAY(
        SELECT place.relname
        FROM unnest(ARRAY['tenants', 'users', 'skills', 'skill_messages']) WITH ORDINALITY
            AS place (relname, rank)
        WHERE place.relname = 'skill_messages'
            OR (
                obj_description(to_regclass('public.' || place.relname), 'pg_class')
                LIKE '%(created by skill_messages)'
                AND EXISTS (SELECT FROM pg_temp.contents AS c WHERE c.relname = place.relname)
            )
        ORDER BY place.rank
    );

    -- As a send locks them: the message first, then what it refers to.
    EXECUTE 'LOCK TABLE ' || (
        SELECT string_agg(format('public.%I', place.relname), ', '
            ORDER BY place.relname <> 'skill_messages', place.relname)
        FROM unnest(v_tables) AS place (relname)
    );
    RAISE NOTICE 'locked until the import ends: %', array_to_string(v_tables, ', ');

    -- Row-level security, and the triggers that are the package's. Those of the host stay on, and
    -- so do the foreign keys.
    SELECT string_agg(aside.set_aside, '; '), string_agg(aside.put_back, '; ')
    INTO v_aside, v_back
    FROM (
        SELECT
            format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', c.oid::regclass) AS set_aside,
            format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', c.oid::regclass) AS put_back
        FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace
            AND c.relname = ANY (v_tables) AND c.relforcerowsecurity
        UNION ALL
        SELECT
            format('ALTER TABLE public.skill_messages DISABLE TRIGGER %I', t.tgname),
            format('ALTER TABLE public.skill_messages ENABLE %s TRIGGER %I',
                CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' END, t.tgname)
        FROM pg_trigger AS t
        INNER JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE t.tgrelid = 'public.skill_messages'::regclass
            AND t.tgenabled <> 'D' AND NOT t.tgisinternal
            AND p.pronamespace = 'skill_messages_private'::regnamespace
    ) AS aside;

    EXECUTE v_aside;

    FOREACH v_table IN ARRAY v_tables
    LOOP
        -- The columns; those that hold other things than text and times, which are strings in JSON.
        SELECT
            array_agg(a.attname::text ORDER BY a.attnum),
            coalesce(
                array_agg(a.attname::text) FILTER (WHERE t.typcategory NOT IN ('S', 'D')), '{}'
            )
        INTO v_columns, v_others
        FROM pg_attribute AS a
        INNER JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass('public.' || v_table)
            AND a.attnum > 0 AND NOT a.attisdropped;

        INSERT INTO pg_temp.refused
        SELECT
            found.line_no,
            found.code,
            CASE found.code
                WHEN '42703' THEN concat_ws('; ',
                    'unknown column ' || (
                        SELECT string_agg(quote_ident(key.name), ', ' ORDER BY key.name)
                        FROM jsonb_object_keys(found.row_data) AS key (name)
                        WHERE key.name <> ALL (v_columns)
                    ),
                    'missing column ' || (
                        SELECT string_agg(quote_ident(col.name), ', ' ORDER BY col.name)
                        FROM unnest(v_columns) AS col (name)
                        WHERE NOT found.row_data ? col.name
                    ))
                WHEN '22023' THEN 'not a string: ' || (
                    SELECT string_agg(quote_ident(field.key), ', ' ORDER BY field.key)
                    FROM jsonb_each(found.row_data - v_others) AS field
                    WHERE jsonb_typeof(field.value) NOT IN ('string', 'null')
                )
                ELSE 'created_at, read_at, answered_at: not in whole milliseconds'
            END
        FROM (
            SELECT
                c.line_no,
                c.row_data,
                CASE
                    WHEN NOT c.row_data ?& v_columns OR c.row_data - v_columns <> '{}' THEN '42703'
                    WHEN (c.row_data - v_others)
                        @? '$.* ? (@.type() != "string" && @.type() != "null")' THEN '22023'
                    WHEN v_table = 'skill_messages' AND concat_ws(
                        ' ', c.row_data ->> 'created_at', c.row_data ->> 'read_at',
                        c.row_data ->> 'answered_at'
                    ) ~ '\.\d{3}0*[1-9]' THEN '22008'
                END AS code
            FROM pg_temp.contents AS c
            WHERE c.relname = v_table
                AND NOT EXISTS (SELECT FROM pg_temp.refused AS r WHERE r.line_no = c.line_no)
        ) AS found
        WHERE found.code IS NOT NULL;

        -- A line that is refused already must not be looked at again, whatever the planner thinks.
        v_batch := format($sql$
            WITH batch AS MATERIALIZED (
                SELECT c.line_no, c.row_data
                FROM pg_temp.contents AS c
                WHERE c.relname = %L AND c.line_no BETWEEN $1 AND $2
                    AND NOT EXISTS (SELECT FROM pg_temp.refused AS r WHERE r.line_no = c.line_no)
            )
            $sql$, v_table);

        v_compare := v_batch || format($sql$
            INSERT INTO pg_temp.refused
            SELECT b.line_no, %L, 'the id is taken by a row that differs in ' || (
                SELECT string_agg(quote_ident(field.key), ', ' ORDER BY field.key)
                FROM jsonb_each(to_jsonb(t.*)) AS field
                WHERE field.value <> to_jsonb(jsonb_populate_record(t.*, b.row_data)) -> field.key
            )
            FROM batch AS b
            INNER JOIN public.%I AS t ON %s
            WHERE to_jsonb(t.*) <> to_jsonb(jsonb_populate_record(t.*, b.row_data))
            $sql$,
            CASE v_table WHEN 'skill_messages' THEN 'SM004' ELSE '23505' END,
            v_table,
            concat_ws(' AND ', $sql$t.id = b.row_data ->> 'id'$sql$, CASE WHEN v_table <> 'tenants'
                THEN $sql$t.tenant_id = b.row_data ->> 'tenant_id'$sql$ END));

        SELECT v_batch || format($sql$
            INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE
            SELECT %s
            FROM batch AS b
            CROSS JOIN jsonb_populate_record(NULL::public.%1$I, b.row_data) AS fresh
            WHERE NOT EXISTS (SELECT FROM public.%1$I AS t WHERE %4$s)
            ORDER BY b.line_no
            $sql$,
            v_table,
            string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
            string_agg(format('fresh.%I', a.attname), ', ' ORDER BY a.attnum),
            concat_ws(' AND ', 't.id = fresh.id', CASE WHEN v_table <> 'tenants'
                THEN 't.tenant_id = fresh.tenant_id' END))
        INTO v_insert
        FROM pg_attribute AS a
        WHERE a.attrelid = to_regclass('public.' || v_table)
            AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';

        SELECT min(c.line_no), max(c.line_no)
        INTO v_next, v_last
        FROM pg_temp.contents AS c
        WHERE c.relname = v_table;

        -- In batches; where one fails, in smaller ones, until the line at fault stands alone.
        v_size := c_batch;
        v_added := 0;
        WHILE v_next <= v_last LOOP
            BEGIN
                EXECUTE v_compare USING v_next, v_next + v_size - 1;
                EXECUTE v_insert USING v_next, v_next + v_size - 1;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
                v_added := v_added + v_rows;
                v_next := v_next + v_size;
                v_size := least(v_size * 2, c_batch);
            EXCEPTION
                WHEN OTHERS THEN
                    -- Else it is no fault of a line: a lock, the disk, a missing privilege.
                    IF left(SQLSTATE, 2) NOT IN ('22', '23', '54', 'P0') THEN
                        RAISE;
                    ELSIF v_size > 1 THEN
                        v_size := greatest(v_size / 4, 1);
                    ELSE
                        GET STACKED DIAGNOSTICS
                            v_detail = PG_EXCEPTION_DETAIL, v_constraint = CONSTRAINT_NAME;
                        INSERT INTO pg_temp.refused
                        VALUES (v_next, SQLSTATE, left(concat_ws(
                            ': ',
                            substring(v_constraint FROM '^skill_messages_(.*)_(?:fkey|check)$'),
                            CASE
                                WHEN SQLSTATE IN ('23503', '23505') THEN v_detail
                                WHEN v_constraint = 'skill_messages_answered_at_check'
                                    THEN 'Not before created_at, and null where it is pending.'
                                ELSE coalesce(
                                    (
                                        SELECT obj_description(con.oid, 'pg_constraint')
                                        FROM pg_constraint AS con
                                        WHERE con.conrelid = to_regclass('public.' || v_table)
                                            AND con.conname = v_constraint
                                    ),
                                    SQLERRM
                                )
                            END
                        ), c_reason));
                        v_next := v_next + 1;
                    END IF;
            END;
        END LOOP;

        INSERT INTO pg_temp.report (relname, added) VALUES (v_table, v_added);
    END LOOP;

    EXECUTE v_back;
END;
$$;

SELECT count(*) > 0 AS any_refused
FROM pg_temp.refused
\gset

\if :any_refused
SELECT
    r.line_no,
    c.relname AS table_name,
    c.row_data ->> 'tenant_id' AS tenant_id,
    c.row_data ->> 'id' AS id,
    r.code,
    r.reason
FROM pg_temp.refused AS r
LEFT JOIN pg_temp.contents AS c ON r.line_no = c.line_no
ORDER BY r.line_no;
\endif

\if :{?refused}
\o :refused
COPY (
    SELECT l.line_text
    FROM pg_temp.lines AS l
    INNER JOIN pg_temp.refused AS r ON l.line_no = r.line_no
    ORDER BY l.line_no
) TO STDOUT WITH (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01');
COPY (
    SELECT json_build_object('end_of_export', count(*))
    FROM pg_temp.refused
) TO STDOUT;
\o
\elif :any_refused
DO $$
BEGIN
    RAISE EXCEPTION 'lines refused: %; nothing was imported',
        (SELECT count(*) FROM pg_temp.refused)
        USING ERRCODE = 'data_exception',
              HINT = 'Mend them, or import the others with -v refused=FILE.';
END;
$$;
\endif

COMMIT;

SELECT
    total.relname AS table_name,
    coalesce(p.added, 0) AS added,
    coalesce(total.accepted - p.added, 0) AS already_there,
    total.refused,
    CASE WHEN p.relname IS NULL THEN total.accepted ELSE 0 END AS left_to_host
FROM (
    SELECT
        c.relname,
        count(*) - count(r.line_no) AS accepted,
        count(r.line_no) AS refused,
        min(c.line_no) AS first_line
    FROM pg_temp.contents AS c
    LEFT JOIN pg_temp.refused AS r ON c.line_no = r.line_no
    GROUP BY c.relname
) AS total
LEFT JOIN pg_temp.report AS p ON total.relname = p.relname
ORDER BY total.first_line;
