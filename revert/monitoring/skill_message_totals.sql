-- Revert skill_messages:monitoring/skill_message_totals from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP VIEW IF EXISTS public.skill_message_totals;

COMMIT;
