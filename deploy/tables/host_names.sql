-- Deploy skill_messages:tables/host_names to pg
-- requires: tables/host_tables
--
-- The names of tenants, users and skills come from the column "name" of the host's tables. They are
-- null if a table has no such column. If the host keeps the names elsewhere, it replaces the view
-- and nothing else. The views read as the caller: what the host's policies hide stays hidden.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_view text;
    v_table text;
    v_keys text;
    v_name text;
BEGIN
    FOR v_view, v_table, v_keys IN VALUES
        ('tenant_names', 'tenants', 'id'),
        ('user_names', 'users', 'tenant_id, id'),
        ('skill_names', 'skills', 'tenant_id, id')
    LOOP
        SELECT coalesce(max('name::text'), 'NULL::text')
        INTO v_name
        FROM pg_attribute AS a
        WHERE a.attrelid = to_regclass('public.' || v_table)
            AND a.attname = 'name' AND NOT a.attisdropped;

        EXECUTE format('CREATE OR REPLACE VIEW skill_messages_private.%I '
            'WITH (security_invoker = true) AS SELECT %s, %s AS name FROM public.%I',
            v_view, v_keys, v_name, v_table);
        EXECUTE format('COMMENT ON VIEW skill_messages_private.%I IS %L', v_view,
            format('The names of the host''s %s. If the host keeps the names elsewhere, '
                'replace this view.', v_table));
        CALL skill_messages_private.revoke_from_all('skill_messages_private.' || v_view);
        EXECUTE format('GRANT SELECT ON skill_messages_private.%I '
            'TO skill_messages_service, skill_messages_app', v_view);
    END LOOP;
END;
$$;

COMMENT ON COLUMN skill_messages_private.tenant_names.id IS 'The tenant.';
COMMENT ON COLUMN skill_messages_private.tenant_names.name IS 'What people call it, or null.';
COMMENT ON COLUMN skill_messages_private.user_names.tenant_id IS 'The tenant of the user.';
COMMENT ON COLUMN skill_messages_private.user_names.id IS 'The user, unique within the tenant.';
COMMENT ON COLUMN skill_messages_private.user_names.name IS 'What people call it, or null.';
COMMENT ON COLUMN skill_messages_private.skill_names.tenant_id IS 'The tenant of the skill.';
COMMENT ON COLUMN skill_messages_private.skill_names.id IS 'The skill, unique within the tenant.';
COMMENT ON COLUMN skill_messages_private.skill_names.name IS 'What people call it, or null.';

COMMIT;
