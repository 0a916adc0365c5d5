"""The contestants' tables, each in a schema with host tables of its own.

A deleted skill must not cascade into the table of another.
"""

from typing_extensions import LiteralString

SCHEMAS = ("public", "hand", "bare")

# The limit: our tables, indexes, foreign keys and storage parameters, whatever they are now; no
# CHECKs, no rules, no policies. Its ids are random UUIDs, as most people have them.
BARE: LiteralString = """
CREATE SCHEMA bare;
DO $$
DECLARE
    v_table text;
    v_key text;
BEGIN
    SET LOCAL search_path = pg_catalog;
    FOREACH v_table IN ARRAY ARRAY['tenants', 'users', 'skills', 'skill_messages'] LOOP
        EXECUTE format(
            'CREATE TABLE bare.%1$I (LIKE public.%1$I INCLUDING INDEXES INCLUDING STATISTICS)',
            v_table
        );
        FOR v_key IN
            SELECT replace(pg_get_constraintdef(oid), ' public.', ' bare.')
            FROM pg_constraint
            WHERE conrelid = to_regclass('public.' || v_table) AND contype = 'f'
        LOOP
            EXECUTE format('ALTER TABLE bare.%I ADD %s', v_table, v_key);
        END LOOP;
    END LOOP;
    EXECUTE format(
        'ALTER TABLE bare.skill_messages SET (%s)',
        (SELECT array_to_string(reloptions, ', ') FROM pg_class
         WHERE oid = 'public.skill_messages'::regclass)
    );
END;
$$;
ALTER TABLE bare.skill_messages
    ALTER id SET DEFAULT gen_random_uuid()::text,
    ALTER status SET DEFAULT 'pending',
    ALTER created_at SET DEFAULT now();
"""

# What people make by hand.
HAND: LiteralString = """
CREATE SCHEMA hand;
SET search_path = hand;
CREATE TABLE tenants (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenants, name text NOT NULL);
CREATE TABLE skills (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenants, name text NOT NULL);
CREATE TABLE skill_messages (
    id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    tenant_id text NOT NULL REFERENCES tenants,
    from_user_id text NOT NULL REFERENCES users,
    to_user_id text NOT NULL REFERENCES users,
    subject_skill_id text NOT NULL REFERENCES skills ON DELETE CASCADE,
    proposed_parent_skill_id text REFERENCES skills ON DELETE SET NULL,
    message text NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at timestamptz,
    answered_at timestamptz
);
CREATE INDEX ON skill_messages (to_user_id);
CREATE INDEX ON skill_messages (tenant_id);
CREATE INDEX ON skill_messages (from_user_id);
ALTER TABLE skill_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON skill_messages USING (tenant_id = current_setting('app.current_tenant_id'));
GRANT USAGE ON SCHEMA hand TO hand_login;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hand TO hand_login;
RESET search_path;
"""

LOGIN_ROLES: LiteralString = """
CREATE ROLE app_login LOGIN IN ROLE skill_messages_app;
CREATE ROLE service_login LOGIN IN ROLE skill_messages_service;
CREATE ROLE retention_login LOGIN IN ROLE skill_messages_retention;
CREATE ROLE unbound_login LOGIN BYPASSRLS IN ROLE skill_messages_service;
CREATE ROLE hand_login LOGIN;
"""
