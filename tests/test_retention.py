"""Purging commits as it goes, so it is tried here and not in a transaction that rolls back."""

from collections.abc import Iterator

import psycopg
import pytest
from conftest import Database

# pending or answered, unread or read, old or new: every combination, for both tenants.
MESSAGES = b"""
SET session_replication_role = replica;
INSERT INTO skill_messages (
    id, tenant_id, from_user_id, to_user_id, subject_skill_id, message, status, created_at, read_at
)
SELECT
    concat_ws('-', tenant.id, age, status, CASE WHEN read THEN 'read' ELSE 'unread' END, n),
    tenant.id, sender, recipient, skill, 'Hello', status, created_at,
    CASE WHEN read THEN created_at END
FROM (VALUES
    ('acme', 'ann', 'bob', 'sql'), ('globex', 'gus', 'ida', 'welding')
) AS tenant (id, sender, recipient, skill)
CROSS JOIN (VALUES ('old', now() - interval '2 years'), ('new', now())) AS ages (age, created_at)
CROSS JOIN unnest(ARRAY['pending', 'accepted', 'declined']) AS status
CROSS JOIN unnest(ARRAY[true, false]) AS read
CROSS JOIN generate_series(1, 5) AS n
ORDER BY n;
"""


@pytest.fixture
def retention(database: Database) -> Iterator[psycopg.Connection[tuple[int]]]:
    with database.connect() as superuser:
        superuser.execute(MESSAGES)
    with database.connect("retention_login") as connection:
        yield connection


def ids(database: Database) -> set[str]:
    with database.connect() as superuser:
        return {id_ for (id_,) in superuser.execute("SELECT id FROM skill_messages")}


def purge(connection: psycopg.Connection[tuple[int]], arguments: str) -> int:
    row = connection.execute(f"CALL purge_skill_messages({arguments})".encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("arguments", "gone"),
    [
        ("'1 year'", ["accepted-read", "declined-read"]),
        ("'1 year', 3", ["accepted-read", "declined-read"]),
        (
            "'1 year', include_unread => true",
            ["accepted-read", "declined-read", "accepted-unread", "declined-unread"],
        ),
        (
            "'1 year', include_pending => true",
            ["accepted-read", "declined-read", "pending-read"],
        ),
        ("'3 years'", []),
    ],
)
def test_what_goes(
    database: Database,
    retention: psycopg.Connection[tuple[int]],
    arguments: str,
    gone: list[str],
) -> None:
    before = ids(database)
    expected = {id_ for id_ in before if any(f"acme-old-{kind}-" in id_ for kind in gone)}
    assert purge(retention, f"{arguments}, tenant_id => 'acme', dry_run => true") == len(expected)
    assert ids(database) == before
    assert purge(retention, f"{arguments}, tenant_id => 'acme'") == len(expected)
    assert before - ids(database) == expected


def test_for_all_tenants_as_one_who_sees_them(
    database: Database, retention: psycopg.Connection[tuple[int]]
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="tenant_id: none given"):
        purge(retention, "'1 year'")

    notices: list[str] = []
    with database.connect() as superuser:
        superuser.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
        assert purge(superuser, "'1 year'") == 20
    assert notices == ["tenant acme: 10 messages deleted", "tenant globex: 10 messages deleted"]


def test_a_locked_message_is_skipped(
    database: Database, retention: psycopg.Connection[tuple[int]]
) -> None:
    locked = "acme-old-accepted-read-3"
    retention.execute("SET lock_timeout = '5s'")
    with database.connect() as superuser, superuser.transaction():
        superuser.execute("SELECT FROM skill_messages WHERE id = %s FOR UPDATE", [locked])
        assert purge(retention, "'1 year', 4, tenant_id => 'acme'") == 9
    assert locked in ids(database)
    assert purge(retention, "'1 year', tenant_id => 'acme'") == 1


def test_each_batch_commits(database: Database, retention: psycopg.Connection[tuple[int]]) -> None:
    """A batch that fails takes back itself, not those before it."""
    with database.connect() as superuser:
        superuser.execute("""
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE 'no further'; END $$;
            CREATE TRIGGER fail BEFORE DELETE ON skill_messages FOR EACH ROW
            WHEN (old.id LIKE '%-5') EXECUTE FUNCTION fail();
        """)
    before = ids(database)
    with pytest.raises(psycopg.errors.RaiseException, match="no further"):
        purge(retention, "'1 year', 1, tenant_id => 'acme'")
    assert len(before - ids(database)) == 8


@pytest.mark.parametrize(
    "arguments", ["NULL", "'-1 day'", "'1 year', 0", "'1 year', NULL", "'1 year', dry_run => NULL"]
)
def test_bad_arguments(retention: psycopg.Connection[tuple[int]], arguments: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue) as raised:
        purge(retention, f"{arguments}, tenant_id => 'acme'")
    assert raised.value.diag.message_hint


@pytest.mark.parametrize("user", ["app_login", "service_login"])
def test_nobody_else_purges(database: Database, user: str) -> None:
    with database.connect(user) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        purge(connection, "'1 year', tenant_id => 'acme'")
