-- Revert skill_messages:skill_message_totals from pg

BEGIN;

DROP VIEW public.skill_message_totals;

COMMIT;
