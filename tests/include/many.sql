-- A page is 50 unless asked otherwise, and 1000 at most. Included after box.sql, when nothing else
-- is to be counted.
INSERT INTO skill_messages (tenant_id, :other, :mine, subject_skill_id, message)
SELECT 'acme', :'peer', 'cid', 'knots', 'Many' FROM generate_series(1, 1001);

SELECT is(attempt('app', 'acme', 'cid', statement), expected, statement)
FROM (VALUES ('''cid''', '50'), ('''cid'', 51', '51'), ('''cid'', 1000', '1000')
) AS calls (arguments, expected)
CROSS JOIN LATERAL format('SELECT count(*) FROM %I(%s)', :'box', arguments) AS statement;
