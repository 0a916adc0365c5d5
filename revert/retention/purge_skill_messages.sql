-- Revert skill_messages:retention/purge_skill_messages from pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DROP PROCEDURE IF EXISTS public.purge_skill_messages(
    interval, integer, text, boolean, boolean, boolean, bigint
);

COMMIT;
