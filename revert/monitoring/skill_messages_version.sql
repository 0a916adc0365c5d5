-- Revert skill_messages:monitoring/skill_messages_version from pg
--
-- The last change, so the first to be reverted: nothing is undone yet.

CALL skill_messages_private.begin_change();

\if :{?messages}
\else
\set messages ''
\endif

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '1s';

CALL skill_messages_private.check_revert(:'messages');
DROP FUNCTION IF EXISTS public.skill_messages_version();

COMMIT;
