-- Messages in the host of checks.sql, after the deployment, with ids that the tests use.
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
VALUES
    ('a1', 'acme', 'zoe', 'zoe', 'sails', 'Hello'), ('g1', 'acme', 'zoe', 'zoe', 'sails', 'Hello'),
    ('a1', 'globex', 'ann', 'ann', 'knots', 'Hello'),
    ('a3', 'nowhere', 'gus', 'gus', 'oars', 'Hello');
