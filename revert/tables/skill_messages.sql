-- Revert skill_messages:tables/skill_messages from pg
--
-- All messages go with the table, and its row-level security only with it.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '5s';

DROP TABLE IF EXISTS public.skill_messages;

COMMIT;
