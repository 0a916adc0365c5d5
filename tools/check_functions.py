"""Check every PL/pgSQL function with plpgsql_check at its strictest; print what it finds."""

import sys

import psycopg

from tools.server import Server, deploy

CHECK = """
SELECT p.oid::regprocedure::text, c.lineno, c.level, c.message, c.detail, c.hint
FROM pg_proc AS p
INNER JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
LEFT JOIN LATERAL (
    SELECT DISTINCT t.tgrelid FROM pg_trigger AS t WHERE t.tgfoid = p.oid
) AS t ON true
CROSS JOIN LATERAL plpgsql_check_function_tb(
    p.oid, coalesce(t.tgrelid, 0), all_warnings => true, fatal_errors => false
) AS c
WHERE p.pronamespace IN ('public'::regnamespace, 'skill_messages_private'::regnamespace)
    -- It runs what it is given: deploy, revert and the switch call it, as the owner.
    AND NOT (p.proname = 'short_locks' AND c.message = 'text type variable is not sanitized')
"""


def main() -> int:
    with Server() as server:
        server.create_database("lint")
        deploy(server.target("lint"))
        with psycopg.connect(server.conninfo("lint"), autocommit=True) as connection:
            # What a trigger calls is checked as that trigger calls it; off, there is none.
            connection.execute("SELECT public.switch_skill_message_notifications(true)")
            connection.execute("CREATE SCHEMA lint; CREATE EXTENSION plpgsql_check SCHEMA lint")
            connection.execute("SET search_path = public, lint")
            findings = connection.execute(CHECK).fetchall()
    for finding in findings:
        print(*finding, sep=" | ")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
