-- Deploy skill_messages:monitoring/skill_messages_version to pg
-- requires: private/revoke_from_all
-- requires: private/check_revert
--
-- The last change of every release, which reworks it.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION public.skill_messages_version()
RETURNS TABLE (release text, last_change text)
LANGUAGE plpgsql
IMMUTABLE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    release := '1.0.0';
    last_change := 'monitoring/skill_message_totals';
    RETURN NEXT;
END;
$$;

COMMENT ON FUNCTION public.skill_messages_version() IS
'Tells which release is deployed.
Returns one row. release: the tag of the release, without its v. last_change: the last change of
that release before this function.
Errors: none.';

CALL skill_messages_private.revoke_from_all('public.skill_messages_version()');
GRANT EXECUTE ON FUNCTION public.skill_messages_version()
TO skill_messages_service, skill_messages_app, skill_messages_retention, pg_monitor;

COMMIT;
