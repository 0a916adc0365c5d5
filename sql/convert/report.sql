-- For sql/convert.sql: lists all messages that break a rule, and stops unless they are to be moved.

SELECT :'bad_rows' = 'move' AS moving
\gset

TRUNCATE pg_temp.bad;
INSERT INTO pg_temp.bad (tenant_id, id, reasons)
SELECT
    b.tenant_id,
    b.id,
    b.reasons
FROM pg_temp.bad_rows() AS b;

SELECT
    count(*) > 0 AS any_bad,
    count(*) > 0 AND NOT :'moving'::boolean AS stopping
FROM pg_temp.bad
\gset

\if :any_bad
\echo Messages that break a rule:
SELECT
    broken.reason,
    count(*) AS messages
FROM pg_temp.bad AS b
CROSS JOIN unnest(b.reasons) AS broken (reason)
GROUP BY broken.reason
ORDER BY broken.reason;
SELECT
    tenant_id,
    id,
    array_to_string(reasons, '; ') AS reasons
FROM pg_temp.bad
ORDER BY tenant_id, id;
\endif

\if :stopping
-- Where constraints stand that do not hold for all messages, nobody could mark one that breaks them
-- as read.
SELECT
    format(
        'CALL skill_messages_private.short_locks(%L)',
        format('ALTER TABLE public.skill_messages DROP CONSTRAINT %I', c.conname)
    )
FROM pg_constraint AS c
WHERE c.conrelid = 'public.skill_messages'::regclass AND NOT c.convalidated
\gexec

DO $$
BEGIN
    RAISE EXCEPTION '% messages break a rule', (SELECT count(*) FROM pg_temp.bad)
        USING ERRCODE = 'check_violation',
              HINT = 'They are listed above. Mend or delete them, or move them to the table '
                     'public.skill_messages_rejected: -v bad_rows=move';
END;
$$;
\endif
