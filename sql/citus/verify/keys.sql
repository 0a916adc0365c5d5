-- Verify skill_messages_citus:keys on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_keys text;
BEGIN
    SELECT string_agg(k.name, ', ') INTO v_keys FROM skill_messages_private.citus_keys() AS k;
    IF v_keys IS NOT NULL THEN
        RAISE EXCEPTION 'unique keys without the tenant: %', v_keys;
    END IF;
END;
$$;

ROLLBACK;
