-- Revert skill_messages:skill_messages from pg
--
-- All messages go with the table.

BEGIN;

DROP TABLE public.skill_messages;

COMMIT;
