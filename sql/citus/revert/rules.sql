-- Revert skill_messages_citus:rules from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;
SET LOCAL client_min_messages = warning;

CALL skill_messages_private.short_locks('LOCK TABLE public.skills, public.skill_messages');
CALL skill_messages_private.restore_before_citus('rules');

DROP TRIGGER IF EXISTS forget_parent_skill ON public.skills;
DROP TRIGGER IF EXISTS born_complete ON public.skill_messages;
DROP FUNCTION IF EXISTS skill_messages_private.forget_parent_skill();
DROP FUNCTION IF EXISTS skill_messages_private.fill_skill_message_defaults();

COMMIT;
