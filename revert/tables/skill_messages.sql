-- Revert skill_messages:tables/skill_messages from pg
--
-- All messages go with the table, and its row-level security only with it.

CALL skill_messages_private.begin_change();

\if :{?messages}
\else
\set messages ''
\endif

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.check_revert(replace(:'messages', 'keep', ''));
CALL skill_messages_private.short_locks('DROP TABLE IF EXISTS public.skill_messages');

COMMIT;
