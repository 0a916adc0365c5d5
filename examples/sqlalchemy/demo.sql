INSERT INTO tenants (id, name) VALUES
('harbor', 'Harbor Analytics'),
('crumb', 'Crumb & Crust Bakeries');

INSERT INTO users (tenant_id, id, name) VALUES
('harbor', 'maya', 'Maya Okafor'),
('harbor', 'jonas', 'Jonas Lindqvist'),
('crumb', 'odile', 'Odile Marchand');

INSERT INTO skills (tenant_id, id, name) VALUES
('harbor', 'explain', 'Reading EXPLAIN plans'),
('harbor', 'slow-postgres', 'Making slow Postgres queries fast'),
('crumb', 'starter', 'Keeping a sourdough starter alive');
