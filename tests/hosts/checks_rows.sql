-- Makes a tenant, a user and a skill of the host in checks.sql, for the pgTAP files:
--   pg_prove --set host_rows=$PWD/tests/hosts/checks_rows.sql …
-- They call these functions, which must be in this schema and have these names and arguments.

CREATE FUNCTION skill_messages_test.make_tenant(id text, name text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO public.tenants (id, name, country)
    VALUES (make_tenant.id, make_tenant.name, 'de')
$$;

CREATE FUNCTION skill_messages_test.make_user(tenant_id text, id text, name text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO public.users (id, tenant_id, name, email)
    VALUES (make_user.id, make_user.tenant_id, make_user.name,
        md5(make_user.id) || '@example.com')
$$;

CREATE FUNCTION skill_messages_test.make_skill(tenant_id text, id text, name text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO public.skills (id, tenant_id, name, level)
    VALUES (make_skill.id, make_skill.tenant_id, make_skill.name, 3)
$$;
