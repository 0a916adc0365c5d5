-- Deploy skill_messages:monitoring/skill_message_totals to pg
-- requires: tables/skill_messages
--
-- For monitoring, over all tenants, yet no hole in their isolation: it reads what the server counts
-- anyway, never a message. Cheap enough for every scrape.
--
-- A crash, and pg_stat_reset(), make the server forget its counters, which then begin at 0; a
-- standby never had them. The catalogue still has what the last vacuum or analyze counted. So a
-- table that was vacuumed or analyzed, or has pages, while the counters know nothing of that, was
-- forgotten: null, not 0, until the next vacuum or analyze.

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
'Totals over all tenants for monitoring, without any content, as the server''s statistics have
them. After a crash or a restore and on a standby, what the server does not know is null, until a
vacuum or analyze.';
COMMENT ON COLUMN public.skill_message_totals.messages IS
'Messages, estimated; where the server has lost count, as of the last vacuum or analyze.';
COMMENT ON COLUMN public.skill_message_totals.unread IS
'Unread messages, as of the last vacuum or analyze.';
COMMENT ON COLUMN public.skill_message_totals.sent IS
'Inserts since the statistics were reset, as by a crash; null where the server has lost count.';
COMMENT ON COLUMN public.skill_message_totals.changed IS
'Readings, decisions and erasures, likewise.';
COMMENT ON COLUMN public.skill_message_totals.deleted IS 'Deletes, likewise.';
COMMENT ON COLUMN public.skill_message_totals.table_bytes IS 'Size of the table, TOAST included.';
COMMENT ON COLUMN public.skill_message_totals.index_bytes IS 'Size of all its indexes.';
COMMENT ON COLUMN public.skill_message_totals.last_vacuumed_at IS
'Last vacuum, of either kind; null where none is known.';
COMMENT ON COLUMN public.skill_message_totals.last_analyzed_at IS
'Last analyze, of either kind; null where none is known.';

CALL skill_messages_private.revoke_from_all('public.skill_message_totals');
GRANT SELECT ON public.skill_message_totals TO pg_monitor;

COMMIT;
