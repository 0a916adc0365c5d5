-- Revert skill_messages:rules/message_times from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

DROP TRIGGER IF EXISTS times_of_life ON public.skill_messages;
DROP TRIGGER IF EXISTS times_of_birth ON public.skill_messages;
DROP FUNCTION IF EXISTS skill_messages_private.set_skill_message_times();

COMMIT;
