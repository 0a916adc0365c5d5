-- Verify skill_messages_citus:preflight on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    PERFORM skill_messages_private.check_citus();
END;
$$;

ROLLBACK;
