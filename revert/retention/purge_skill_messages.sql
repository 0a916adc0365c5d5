-- Revert skill_messages:retention/purge_skill_messages from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

DROP PROCEDURE IF EXISTS public.purge_skill_messages(
    interval, integer, text, boolean, boolean, boolean, bigint
);

COMMIT;
