-- What other people may have in tables of the package's making: 100,000 messages, some of them with
-- the ids that the tests use, and a tenant acme.

INSERT INTO tenants
SELECT 'other ' || t, 'Other ' || t FROM generate_series(1, 20) AS t
UNION ALL
VALUES ('acme', 'The real Acme'), ('nowhere', 'Nowhere'), ('initech', 'Initech');

INSERT INTO users (tenant_id, id, name)
SELECT tenants.id, u.id, 'Somebody'
FROM tenants
CROSS JOIN (
    VALUES ('ann'), ('ben'), ('cid'), ('gus'), ('Ann'), ('dot'), ('nul')
    UNION ALL
    SELECT 'u' || n FROM generate_series(1, 100) AS n
) AS u (id);

INSERT INTO skills (tenant_id, id, name)
SELECT tenants.id, s.id, 'Something'
FROM tenants
CROSS JOIN (
    VALUES ('knots'), ('ropes'), ('sails'), ('Knots'), ('winds'), ('oars'), ('void')
) AS s (id);

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,
    proposed_parent_skill_id, message, created_at)
SELECT
    coalesce(('{a1,a2,a3,a4,a5,g1,g2,new,twin,mine,shared,old,life}'::text[])[n], 'm' || n),
    'other ' || t, 'u' || n % 100 + 1, ('{ann,ben,cid,u1,u2}'::text[])[n % 5 + 1], 'knots',
    CASE n % 3 WHEN 0 THEN 'ropes' END, 'Message ' || n,
    timestamptz '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, 20) AS t
CROSS JOIN generate_series(1, 5000) AS n;

INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT id, tenant_id, 'ben', 'ann', 'knots', 'Hello'
FROM unnest('{acme,nowhere,initech}'::text[]) AS t (tenant_id)
CROSS JOIN unnest('{a1,a3,g1,x}'::text[]) AS m (id);

GRANT SELECT ON users TO pg_signal_backend;

ANALYZE;
