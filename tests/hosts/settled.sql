-- What becomes of the host in live.sql once it has moved in: its owner, who deployed the package,
-- has a role, the names are granted and come from another column, notifications are on, and every
-- connection to the database brings a tenant along. Its users are visible to whom it likes.

SET ROLE deployer;
DO $$
BEGIN
    EXECUTE 'GRANT skill_messages_service TO deployer' || CASE
        WHEN current_setting('server_version_num')::integer >= 160000 THEN ' WITH INHERIT TRUE'
        ELSE ''
    END;
END;
$$;

CREATE OR REPLACE VIEW skill_messages_private.user_names WITH (security_invoker = true) AS
SELECT tenant_id, id, email AS name FROM public.users;
GRANT SELECT (id, name) ON tenants TO skill_messages_service, skill_messages_app;
GRANT SELECT (id, tenant_id, email) ON users TO skill_messages_service, skill_messages_app;
GRANT SELECT (id, tenant_id, name) ON skills TO skill_messages_service, skill_messages_app;
CREATE POLICY visible ON users AS RESTRICTIVE USING (id = current_setting('host.visible', true));

SELECT switch_skill_message_notifications(true);
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor;

RESET ROLE;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO pg_signal_backend;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO pg_signal_backend;

DO $$
DECLARE
    v_setting text;
BEGIN
    FOREACH v_setting IN ARRAY ARRAY[
        'app.current_tenant_id = ''t1''', 'app.current_user_id = ''u2''',
        'search_path = nowhere, public', 'default_transaction_isolation = serializable',
        'row_security = off', 'datestyle = German', 'timezone = ''Asia/Kathmandu'''
    ] LOOP
        EXECUTE format('ALTER DATABASE %I SET %s', current_database(), v_setting);
    END LOOP;
END;
$$;
