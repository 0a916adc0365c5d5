-- Revert skill_messages:rules/message_life from pg

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.short_locks('LOCK TABLE public.skill_messages');

DROP TRIGGER IF EXISTS content_never_changes ON public.skill_messages;
DROP TRIGGER IF EXISTS answered_once ON public.skill_messages;
DROP TRIGGER IF EXISTS born_pending_and_unread ON public.skill_messages;
DROP FUNCTION IF EXISTS skill_messages_private.refuse_skill_message_change();

COMMIT;
