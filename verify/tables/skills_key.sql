-- Verify skill_messages:tables/skills_key on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    ASSERT skill_messages_private.has_host_key('public.skills'),
        'public.skills has no valid unique index (tenant_id, id)';
END;
$$;

ROLLBACK;
