-- Deploy skill_messages_citus:monitoring to pg
-- requires: distribution
--
-- The coordinator's own statistics know nothing of the shards. So the view asks each shard what it
-- knows, as skill_message_totals of the base schema asks the one table, and adds up. What a shard
-- does not know is null in the sum.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

DO $do$
BEGIN
    PERFORM skill_messages_private.keep_before_citus('monitoring', ARRAY[
        'CREATE OR REPLACE VIEW public.skill_message_totals WITH (security_invoker = true) AS '
        || pg_get_viewdef('public.skill_message_totals'::regclass)
    ]);
END;
$do$;

CREATE OR REPLACE VIEW public.skill_message_totals WITH (security_invoker = true) AS
WITH shards AS (
    SELECT told.*
    FROM run_command_on_shards('public.skill_messages', $$
        SELECT row_to_json(told)
        FROM (
            SELECT
                s.*,
                u.reltuples::bigint AS unread,
                t.reltuples::bigint AS counted,
                pg_table_size(s.relid) AS table_bytes,
                pg_indexes_size(s.relid) AS index_bytes,
                greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuumed_at,
                greatest(s.last_analyze, s.last_autoanalyze) AS last_analyzed_at,
                coalesce(s.last_vacuum, s.last_autovacuum, s.last_analyze, s.last_autoanalyze)
                IS NOT NULL OR (
                    t.reltuples < 0 AND (s.n_tup_ins > 0 OR pg_relation_size(s.relid) = 0)
                ) AS known
            FROM pg_stat_all_tables AS s
            INNER JOIN pg_class AS t ON t.oid = s.relid
            LEFT JOIN pg_class AS u
                ON u.relnamespace = t.relnamespace
                AND u.relname = 'skill_messages_unread_idx' || substring(t.relname FROM '_\d+$')
            WHERE s.relid = '%1$s'::regclass
        ) AS told
    $$) AS shard
    CROSS JOIN LATERAL json_to_record(shard.result::json) AS told (
        known boolean, counted bigint, unread bigint, n_live_tup bigint, n_tup_ins bigint,
        n_tup_upd bigint, n_tup_del bigint, table_bytes bigint, index_bytes bigint,
        last_vacuumed_at timestamptz, last_analyzed_at timestamptz
    )
)

SELECT
    CASE
        WHEN bool_and(known OR counted >= 0)
            THEN sum(CASE WHEN known THEN n_live_tup ELSE counted END)::bigint
    END AS messages,
    CASE
        WHEN bool_and(counted >= 0 OR table_bytes = 0)
            THEN sum(CASE WHEN counted >= 0 THEN unread ELSE 0 END)::bigint
    END AS unread,
    CASE WHEN bool_and(known) THEN sum(n_tup_ins)::bigint END AS sent,
    CASE WHEN bool_and(known) THEN sum(n_tup_upd)::bigint END AS changed,
    CASE WHEN bool_and(known) THEN sum(n_tup_del)::bigint END AS deleted,
    sum(table_bytes)::bigint AS table_bytes,
    sum(index_bytes)::bigint AS index_bytes,
    min(last_vacuumed_at) AS last_vacuumed_at,
    min(last_analyzed_at) AS last_analyzed_at
FROM shards;

COMMIT;
