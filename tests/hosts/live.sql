-- A host like the application that this feature comes from: a marketplace of skills for companies.
-- A web application on an ORM, which logs in as the owner of its tables and brings its tenant along
-- as a startup option. Row-level security is enabled and not forced.

CREATE TYPE user_role AS ENUM ('member', 'curator', 'admin');

CREATE TABLE tenants (
    id text PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id text PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT 'default' REFERENCES tenants (id),
    email text NOT NULL UNIQUE,
    name text,
    role user_role NOT NULL DEFAULT 'member',
    image text,
    created_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE skills (
    id text PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT 'default' REFERENCES tenants (id),
    slug text NOT NULL,
    name text NOT NULL,
    description text,
    category text NOT NULL,
    content text NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    visibility text NOT NULL DEFAULT 'tenant'
    CHECK (visibility IN ('tenant', 'private', 'global_approved')),
    author_id text REFERENCES users (id),
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name || ' ' || content)) STORED,
    created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, slug)
);
CREATE INDEX skills_search_idx ON skills USING gin (search);

CREATE TABLE ratings (
    skill_id text NOT NULL REFERENCES skills (id) ON DELETE CASCADE,
    user_id text NOT NULL REFERENCES users (id),
    stars integer NOT NULL CHECK (stars BETWEEN 1 AND 5),
    PRIMARY KEY (skill_id, user_id)
);

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON users
USING (tenant_id = current_setting('app.current_tenant_id', true));

ALTER TABLE skills ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON skills
USING (
    tenant_id = current_setting('app.current_tenant_id', true) OR visibility = 'global_approved'
);

INSERT INTO tenants (id, slug, name)
VALUES ('default', 'default', 'Everybody'), ('t1', 'harbor', 'Harbor'), ('t2', 'crumb', 'Crumb');
INSERT INTO users (id, tenant_id, email, name)
SELECT 'u' || n, 't' || n % 2 + 1, format('u%s@example.com', n), 'User ' || n
FROM generate_series(1, 40) AS n;
INSERT INTO skills (id, tenant_id, slug, name, category, content, author_id)
SELECT 's' || n, 't' || n % 2 + 1, 'skill-' || n, 'Skill ' || n, 'data', 'How to',
    CASE WHEN n > 4 THEN 'u' || n END
FROM generate_series(1, 40) AS n;
