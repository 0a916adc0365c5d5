"""Tenants, users and skills whose ids are numbers, so that pgbench can make them up.

Tenant t has the users t * USERS to t * USERS + USERS - 1; a user has one skill of the same id.
"""

from typing import Any

import psycopg
from typing_extensions import LiteralString

USERS = 20
MESSAGE = "Shall I group my skill under yours? They overlap, and yours is the older one by far."

HOST_ROWS: LiteralString = """
INSERT INTO tenants SELECT n::text, 'A tenant' FROM generate_series(0, %(tenants)s - 1) AS n;
INSERT INTO users SELECT n::text, (n / %(users)s)::text, 'A user'
FROM generate_series(0, %(tenants)s * %(users)s - 1) AS n;
INSERT INTO skills SELECT id, tenant_id, 'A skill' FROM users;
"""

# From old to new over ten minutes; read and answered, as a purge wants them.
MESSAGES: LiteralString = """
SET session_replication_role = replica;
INSERT INTO skill_messages (
    id, tenant_id, from_user_id, to_user_id, subject_skill_id, message, status, created_at,
    read_at, answered_at
)
SELECT
    overlay(overlay(overlay(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || substr(md5(n::text), 13) PLACING '7' FROM 13 FOR 1) PLACING '8' FROM 17 FOR 1)
        PLACING substr(md5(n::text), 18, 3) FROM 18 FOR 3)::uuid::text,
    (a / %(users)s)::text, a::text, (a / %(users)s * %(users)s + n %% %(users)s)::text,
    a::text, %(message)s, 'accepted', at, at, at
FROM (
    SELECT
        n, floor(random() * %(tenants)s * %(users)s)::integer AS a,
        date_trunc('milliseconds',
            clock_timestamp() - interval '10 minutes' * (%(messages)s - n) / %(messages)s) AS at
    FROM generate_series(0, %(messages)s - 1) AS n
    OFFSET 0
) AS made
ORDER BY n;
RESET session_replication_role;
"""


def fill(admin: psycopg.Connection[Any], tenants: int, messages: int = 0) -> None:
    cursor = psycopg.ClientCursor(admin)
    values = {"tenants": tenants, "users": USERS, "messages": messages, "message": MESSAGE}
    cursor.execute(HOST_ROWS, values)
    if messages:
        cursor.execute(MESSAGES, values)
    admin.execute("VACUUM (FREEZE, ANALYZE)")
    admin.execute("CHECKPOINT")
