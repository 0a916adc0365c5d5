-- Verify skill_messages:private/revoke_from_all on pg
--
-- The next change, verify_function, looks closer.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    ASSERT to_regprocedure('skill_messages_private.revoke_from_all(text)') IS NOT NULL;
END;
$$;

ROLLBACK;
