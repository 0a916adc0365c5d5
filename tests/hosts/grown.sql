-- What a host may make of tables that the package created: a column of its own, a grant to
-- everybody, and more around them.

SET ROLE deployer;
ALTER TABLE users ADD COLUMN email text NOT NULL UNIQUE;
GRANT SELECT (id) ON skills TO PUBLIC;

CREATE TABLE invoices (number serial PRIMARY KEY, tenant_id text REFERENCES tenants (id));
CREATE FUNCTION next_invoice() RETURNS integer LANGUAGE sql SECURITY DEFINER
AS 'SELECT max(number) + 1 FROM public.invoices';
CREATE VIEW people AS SELECT id, name FROM users;
