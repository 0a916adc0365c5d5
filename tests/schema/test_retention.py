"""Purging commits as it goes, so it is tried here and not in a transaction that rolls back."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Database
from tools.server import DEPLOYER

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


BAD_ARGUMENTS = {
    "NULL": "older_than is null",
    "'-1 day'": "older_than is -1 days",
    "'1001 years'": "older_than is 1001 years",
    "'178000000 years'": "older_than is 178000000 years",
    "'1 year', 0": "batch_size is 0",
    "'1 year', -1": "batch_size is -1",
    "'1 year', NULL": "batch_size is null",
    "'1 year', dry_run => NULL": "dry_run is null",
}


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS)
def test_a_bad_argument_is_named(
    database: Database, retention: psycopg.Connection[tuple[int]], arguments: str
) -> None:
    before = ids(database)
    with pytest.raises(psycopg.errors.InvalidParameterValue) as raised:
        purge(retention, f"{arguments}, tenant_id => 'acme', include_pending => true")
    assert raised.value.diag.message_primary == BAD_ARGUMENTS[arguments]
    assert raised.value.diag.message_hint
    assert ids(database) == before


@pytest.mark.parametrize("age", ["'0'", "'1000 years'"])
def test_the_bounds_of_an_age(retention: psycopg.Connection[tuple[int]], age: str) -> None:
    assert purge(retention, f"{age}, tenant_id => 'acme'") == (20 if age == "'0'" else 0)


def test_null_keeps_what_is_pending_and_unread(
    database: Database, retention: psycopg.Connection[tuple[int]]
) -> None:
    before = ids(database)
    arguments = "'1 year', tenant_id => 'acme', include_pending => NULL, include_unread => NULL"
    assert purge(retention, arguments) == 10
    gone = {id_.rpartition("-")[0] for id_ in before - ids(database)}
    assert gone == {"acme-old-accepted-read", "acme-old-declined-read"}


def test_within_a_transaction_it_does_nothing(
    database: Database, retention: psycopg.Connection[tuple[int]]
) -> None:
    """Its batches could not commit."""
    before = ids(database)
    with (
        pytest.raises(psycopg.errors.InvalidTransactionTermination) as raised,
        retention.transaction(),
    ):
        purge(retention, "'1 year', tenant_id => 'acme'")
    assert raised.value.sqlstate == "2D000"
    assert ids(database) == before


def test_a_read_only_session_may_only_count(
    database: Database, retention: psycopg.Connection[tuple[int]]
) -> None:
    before = ids(database)
    retention.execute("SET default_transaction_read_only = on")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as raised:
        purge(retention, "'1 year', tenant_id => 'acme'")
    assert raised.value.diag.message_primary == "purge_skill_messages: the transaction is read-only"
    assert raised.value.diag.message_hint
    assert purge(retention, "'1 year', tenant_id => 'acme', dry_run => true") == 10
    assert ids(database) == before


def test_a_session_acts_for_the_tenant_that_it_has_set(
    database: Database, retention: psycopg.Connection[tuple[int]]
) -> None:
    before = ids(database)
    retention.execute("SET app.current_tenant_id = 'globex'")
    with pytest.raises(psycopg.Error) as raised:
        purge(retention, "'1 year', tenant_id => 'acme'")
    assert raised.value.sqlstate == "SM005"
    assert ids(database) == before
    assert purge(retention, "'1 year', tenant_id => 'globex'") == 10

    # A default was chosen by nobody, so each transaction of a purge may choose its own.
    options = "-c app.current_tenant_id=globex"
    with database.connect("retention_login", options=options) as by_default:
        assert purge(by_default, "'1 year', 3, tenant_id => 'acme'") == 10


def test_an_id_of_two_tenants_goes_in_one(
    database: Database, retention: psycopg.Connection[tuple[int]]
) -> None:
    with database.connect() as superuser:
        superuser.execute("""
            SET session_replication_role = replica;
            UPDATE skill_messages SET id = replace(id, tenant_id || '-', '');
        """)
        assert purge(retention, "'0', tenant_id => 'acme', include_pending => true") == 30
        query = "SELECT tenant_id, count(*) FROM skill_messages GROUP BY 1 ORDER BY 1"
        assert superuser.execute(query).fetchall() == [("acme", 30), ("globex", 60)]
        query = "SELECT count(DISTINCT id) FROM skill_messages"
        assert superuser.execute(query).fetchone() == (60,)


@pytest.mark.parametrize("user", ["app_login", "service_login", DEPLOYER])
def test_nobody_else_purges(database: Database, user: str) -> None:
    """The owner may call it, and would find nothing to purge: it is told so instead."""
    with (
        database.connect(user) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege) as raised,
    ):
        purge(connection, "'1 year', tenant_id => 'acme'")
    if user == DEPLOYER:
        assert raised.value.diag.message_primary == (
            "deployer does not have the rights of skill_messages_retention"
        )
        assert str(raised.value.diag.message_hint).startswith(
            "GRANT skill_messages_retention TO deployer"
        )


@pytest.mark.usefixtures("retention")
def test_an_owner_with_the_rights_of_service_does_not_erase(database: Database) -> None:
    before = ids(database)
    with database.connect() as superuser, superuser.transaction(force_rollback=True):
        roles = f"{DEPLOYER}, skill_messages_service"
        superuser.execute(f"CREATE ROLE erasing_owner IN ROLE {roles}".encode())
        superuser.execute("SET LOCAL ROLE erasing_owner; SELECT set_skill_message_context('acme')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="skill_messages_retention"):
            superuser.execute("SELECT erase_user_messages('ann')")
    assert ids(database) == before
