-- Deploy skill_messages:monitoring/skill_message_totals to pg
-- requires: tables/skill_messages
--
-- Totals over all tenants, without a hole in their isolation: the view reads what the server counts
-- anyway, never a message. It is cheap enough for every scrape.
--
-- After a crash or pg_stat_reset() the server's counters begin at 0 again; a standby never had
-- them. The catalogue still has what the last vacuum or analyze counted. So the counters are lost
-- if the table has pages, or was vacuumed or analyzed, and they know nothing of that. Then the view
-- shows null, not 0, until the next vacuum or analyze.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE VIEW public.skill_message_totals WITH (security_invoker = true) AS
WITH statistics AS (
    SELECT
        s.*,
        t.relnamespace,
        t.reltuples,
        pg_relation_size(s.relid) AS bytes,
        greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuumed_at,
        greatest(s.last_analyze, s.last_autoanalyze) AS last_analyzed_at
    FROM pg_stat_all_tables AS s
    INNER JOIN pg_class AS t ON s.relid = t.oid
    WHERE s.relid = 'public.skill_messages'::regclass
),

counted AS (
    SELECT
        *,
        coalesce(last_vacuumed_at, last_analyzed_at) IS NOT null
        OR (reltuples < 0 AND (n_tup_ins > 0 OR bytes = 0)) AS known
    FROM statistics
)

SELECT
    CASE
        WHEN s.known THEN s.n_live_tup
        WHEN s.reltuples >= 0 THEN s.reltuples::bigint
    END AS messages,
    -- An index that was made on an empty table says 0 until the first vacuum or analyze.
    CASE
        WHEN s.reltuples >= 0 THEN u.reltuples::bigint
        WHEN s.bytes = 0 THEN 0
    END AS unread,
    CASE WHEN s.known THEN s.n_tup_ins END AS sent,
    CASE WHEN s.known THEN s.n_tup_upd END AS changed,
    CASE WHEN s.known THEN s.n_tup_del END AS deleted,
    pg_table_size(s.relid) AS table_bytes,
    pg_indexes_size(s.relid) AS index_bytes,
    s.last_vacuumed_at,
    s.last_analyzed_at
FROM counted AS s
-- By its name: REINDEX CONCURRENTLY makes another index of the same name.
LEFT JOIN pg_class AS u
    ON u.relname = 'skill_messages_unread_idx' AND s.relnamespace = u.relnamespace;

COMMENT ON VIEW public.skill_message_totals IS
'Totals over all tenants, for monitoring. They come from the server''s statistics and contain
nothing of any message. After a crash, after a restore and on a standby, the server lacks some
statistics: what it does not know is null until the next vacuum or analyze.';
COMMENT ON COLUMN public.skill_message_totals.messages IS
'Messages, estimated. Where the server has lost its statistics: as of the last vacuum or analyze.';
COMMENT ON COLUMN public.skill_message_totals.unread IS
'Unread messages, as of the last vacuum or analyze.';
COMMENT ON COLUMN public.skill_message_totals.sent IS
'Messages sent since the statistics were reset, which a crash does too. Null where the server has
lost its statistics.';
COMMENT ON COLUMN public.skill_message_totals.changed IS
'Readings, decisions and erasures since then, or null.';
COMMENT ON COLUMN public.skill_message_totals.deleted IS 'Messages deleted since then, or null.';
COMMENT ON COLUMN public.skill_message_totals.table_bytes IS 'Size of the table with its TOAST.';
COMMENT ON COLUMN public.skill_message_totals.index_bytes IS 'Size of all its indexes.';
COMMENT ON COLUMN public.skill_message_totals.last_vacuumed_at IS
'The last vacuum, by hand or by autovacuum; null if none is known.';
COMMENT ON COLUMN public.skill_message_totals.last_analyzed_at IS
'The last analyze, by hand or by autovacuum; null if none is known.';

CALL skill_messages_private.revoke_from_all('public.skill_message_totals');
GRANT SELECT ON public.skill_message_totals TO pg_monitor;

COMMIT;
