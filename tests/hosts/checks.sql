-- A host with checks of its own, which no value made up from a column's type passes: its CI names a
-- file that makes its rows (checks_rows.sql). Its rows look like those of the tests: a tenant acme,
-- and in another tenant a user ann and a skill knots, where ids are unique across tenants.

CREATE TABLE tenants (
    id text PRIMARY KEY,
    name text NOT NULL CHECK (name ~ '^[A-Z]'),
    country char(2) NOT NULL CHECK (country IN ('de', 'fr'))
);

CREATE TABLE users (
    id text PRIMARY KEY CHECK (length(id) <= 64),
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

INSERT INTO tenants
VALUES ('acme', 'The real Acme', 'de'), ('globex', 'Globex', 'fr'), ('nowhere', 'Nowhere', 'fr');
INSERT INTO users
VALUES
    ('zoe', 'acme', 'Zoe', 'zoe@example.com'), ('ann', 'globex', 'Ann', 'ann@example.org'),
    ('gus', 'nowhere', 'Gus', 'gus@example.org');
INSERT INTO skills
VALUES
    ('sails', 'acme', 'Sails', 1), ('knots', 'globex', 'Knots', 2),
    ('oars', 'nowhere', 'Oars', 3);
