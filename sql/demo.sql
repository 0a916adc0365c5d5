-- Demo data: three tenants whose authors publish skills that resemble one another.
--
-- Every id begins with demo-, which tells these rows from real ones when they are removed. The
-- context is set for each tenant: row-level security binds the owner of the tables too, who needs
-- the rights of skill_messages_service like everybody else.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT set_config('app.current_tenant_id', 'demo-harbor', true);

INSERT INTO public.tenants (id, name) VALUES ('demo-harbor', 'Harbor Analytics');

INSERT INTO public.users (id, tenant_id, name) VALUES
('demo-maya', 'demo-harbor', 'Maya Okafor'),
('demo-jonas', 'demo-harbor', 'Jonas Lindqvist'),
('demo-priya', 'demo-harbor', 'Priya Raman'),
('demo-tomas', 'demo-harbor', 'Tomás Herrera');

INSERT INTO public.skills (id, tenant_id, name) VALUES
('demo-pg-tuning', 'demo-harbor', 'PostgreSQL query tuning'),
('demo-slow-postgres', 'demo-harbor', 'Making slow Postgres queries fast'),
('demo-explain', 'demo-harbor', 'Reading EXPLAIN plans'),
('demo-k8s-start', 'demo-harbor', 'Kubernetes for beginners'),
('demo-k8s-first', 'demo-harbor', 'Getting started with k8s'),
('demo-csv-clean', 'demo-harbor', 'Cleaning messy CSV files'),
('demo-csv-tidy', 'demo-harbor', 'Tidying up CSV exports'),
('demo-dashboards', 'demo-harbor', 'Dashboards people actually read');

SELECT set_config('app.current_tenant_id', 'demo-crumb', true);

INSERT INTO public.tenants (id, name) VALUES ('demo-crumb', 'Crumb & Crust Bakeries');

INSERT INTO public.users (id, tenant_id, name) VALUES
('demo-odile', 'demo-crumb', 'Odile Marchand'),
('demo-kenji', 'demo-crumb', 'Kenji Mori'),
('demo-rosa', 'demo-crumb', 'Rosa Bianchi'),
('demo-anton', 'demo-crumb', 'Anton Weiss');

INSERT INTO public.skills (id, tenant_id, name) VALUES
('demo-starter', 'demo-crumb', 'Keeping a sourdough starter alive'),
('demo-levain', 'demo-crumb', 'Sourdough starter (levain) care'),
('demo-croissant', 'demo-crumb', 'Laminating croissant dough'),
('demo-puff', 'demo-crumb', 'Laminated dough, step by step'),
('demo-crumb-shot', 'demo-crumb', 'Reading an open crumb'),
('demo-allergens', 'demo-crumb', 'Labelling allergens'),
('demo-allergy', 'demo-crumb', 'Allergen labels for counter staff'),
('demo-night-shift', 'demo-crumb', 'Planning the night shift');

SELECT set_config('app.current_tenant_id', 'demo-summit', true);

INSERT INTO public.tenants (id, name) VALUES ('demo-summit', 'Summit Rescue Training');

INSERT INTO public.users (id, tenant_id, name) VALUES
('demo-ingrid', 'demo-summit', 'Ingrid Dahl'),
('demo-pavel', 'demo-summit', 'Pavel Novák'),
('demo-amara', 'demo-summit', 'Amara Diallo'),
('demo-lukas', 'demo-summit', 'Lukas Steiner');

INSERT INTO public.skills (id, tenant_id, name) VALUES
('demo-knots', 'demo-summit', 'Knots for rope rescue'),
('demo-hitches', 'demo-summit', 'Rescue knots and hitches'),
('demo-avalanche', 'demo-summit', 'Avalanche transceiver search'),
('demo-beacon', 'demo-summit', 'Beacon search after an avalanche'),
('demo-first-aid', 'demo-summit', 'Wilderness first aid'),
('demo-cold', 'demo-summit', 'Treating hypothermia'),
('demo-frost', 'demo-summit', 'Hypothermia and frostbite'),
('demo-radio', 'demo-summit', 'Radio discipline');

COMMIT;
