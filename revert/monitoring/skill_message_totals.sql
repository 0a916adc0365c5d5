-- Revert skill_messages:monitoring/skill_message_totals from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP VIEW IF EXISTS public.skill_message_totals;

COMMIT;
