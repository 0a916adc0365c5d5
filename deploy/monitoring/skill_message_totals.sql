-- Deploy skill_messages:monitoring/skill_message_totals to pg
-- requires: tables/skill_messages
--
-- For monitoring, over all tenants, yet no hole in their isolation: it reads what the server counts
-- anyway, never a message. Cheap enough for every scrape.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE VIEW public.skill_message_totals WITH (security_invoker = true) AS
SELECT
    s.n_live_tup AS messages,
    greatest(u.reltuples, 0)::bigint AS unread,
    s.n_tup_ins AS sent,
    s.n_tup_upd AS changed,
    s.n_tup_del AS deleted,
    pg_table_size(s.relid) AS table_bytes,
    pg_indexes_size(s.relid) AS index_bytes,
    greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuumed_at,
    greatest(s.last_analyze, s.last_autoanalyze) AS last_analyzed_at
FROM pg_stat_all_tables AS s
INNER JOIN pg_class AS t ON s.relid = t.oid
-- By its name: REINDEX CONCURRENTLY makes another index of the same name.
LEFT JOIN pg_class AS u
    ON u.relname = 'skill_messages_unread_idx' AND t.relnamespace = u.relnamespace
WHERE s.relid = 'public.skill_messages'::regclass;

COMMENT ON VIEW public.skill_message_totals IS
'Totals over all tenants for monitoring, without any content, as the server''s statistics have
them.';
COMMENT ON COLUMN public.skill_message_totals.messages IS 'Messages, estimated.';
COMMENT ON COLUMN public.skill_message_totals.unread IS
'Unread messages, as of the last vacuum or analyze.';
COMMENT ON COLUMN public.skill_message_totals.sent IS 'Inserts since the statistics were reset.';
COMMENT ON COLUMN public.skill_message_totals.changed IS
'Readings, decisions and erasures since the statistics were reset.';
COMMENT ON COLUMN public.skill_message_totals.deleted IS 'Deletes since the statistics were reset.';
COMMENT ON COLUMN public.skill_message_totals.table_bytes IS 'Size of the table, TOAST included.';
COMMENT ON COLUMN public.skill_message_totals.index_bytes IS 'Size of all its indexes.';
COMMENT ON COLUMN public.skill_message_totals.last_vacuumed_at IS 'Last vacuum, of either kind.';
COMMENT ON COLUMN public.skill_message_totals.last_analyzed_at IS 'Last analyze, of either kind.';

CALL skill_messages_private.revoke_from_all('public.skill_message_totals');
GRANT SELECT ON public.skill_message_totals TO pg_monitor;

COMMIT;
