-- A host with checks of its own, which no value made up from a column's type passes: its CI names a
-- file that makes its rows (checks_rows.sql).

CREATE TABLE tenants (
    id text PRIMARY KEY,
    name text NOT NULL CHECK (name ~ '^[A-Z]'),
    country char(2) NOT NULL CHECK (country IN ('de', 'fr'))
);

CREATE TABLE users (
    id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants (id),
    name text NOT NULL,
    email text NOT NULL UNIQUE CHECK (email ~ '^[^@]+@[^@]+\.[a-z]+$')
);

CREATE TABLE skills (
    id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants (id),
    name text NOT NULL,
    level integer NOT NULL CHECK (level BETWEEN 1 AND 5)
);
