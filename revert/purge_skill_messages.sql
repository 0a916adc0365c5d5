-- Revert skill_messages:purge_skill_messages from pg

BEGIN;

DROP PROCEDURE public.purge_skill_messages(
    interval, integer, text, boolean, boolean, boolean, bigint
);

COMMIT;
