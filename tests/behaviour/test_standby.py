"""A hot standby answers every read as the primary does, and says of every write that it cannot."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from skill_messages import ReadOnlyError, SkillMessages
from tests.attacks.conftest import make_logins
from tests.behaviour.model import ACTORS, NOT_ALLOWED, TENANTS
from tests.behaviour.test_isolation import expected, fill, outcomes
from tests.conftest import Database, wait_until
from tests.schema.test_monitoring import Standby
from tools.server import Server

WRITES = re.compile(r"INSERT|UPDATE|DELETE|send_|mark_|update_|erase_")
READ_ONLY = "25006"


def here(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as superuser:
        return superuser.execute("SELECT id, status FROM skill_messages ORDER BY id").fetchall()


@pytest.fixture(scope="module")
def standby(server: Server, template: str) -> Iterator[Database]:
    primary = Database(server, "followed")
    server.create_database(primary.name, template)
    with Standby(server) as follower:
        standby = Database(follower, primary.name)
        with primary.connect() as superuser:
            make_logins(superuser)
        fill(primary)  # once it follows
        wait_until(lambda: here(standby) == here(primary))
        yield standby
    server.drop_database(primary.name)


def test_reads_are_as_on_the_primary_and_writes_are_refused(standby: Database) -> None:
    for name, actor in ACTORS.items():
        for tenant in TENANTS.values():
            told = expected(actor, tenant)
            for call, outcome in outcomes(standby, actor, tenant, "SET LOCAL").items():
                may_be = {told[call]}
                if WRITES.search(call):
                    # Whichever it finds first. None says that it was done.
                    may_be = {READ_ONLY} | may_be & {NOT_ALLOWED, "SM001"}
                assert outcome in may_be, (name, tenant, call)


def test_the_client_says_where_to_write(standby: Database) -> None:
    with standby.connect("app_login") as connection:
        bob = SkillMessages(connection, tenant_id="acme", user_id="bob")
        assert {message.id for message in bob.get_messages_for_user()} == {"a1", "a3"}
        assert bob.get_skill_message("a1").from_user_name == "Ann"
        for write in (
            lambda: bob.send_skill_message("bob", "ann", "sql", "Hello"),
            lambda: bob.mark_message_read("a1"),
            lambda: bob.mark_messages_read(),
            lambda: bob.update_message_status("a1", "accepted"),
        ):
            with pytest.raises(ReadOnlyError) as raised:
                write()
            assert raised.value.sqlstate == READ_ONLY
            assert "on the primary" in raised.value.hint


def test_a_purge_may_be_tried_there(standby: Database) -> None:
    purge = "CALL purge_skill_messages('0', tenant_id => 'acme', dry_run => {})"
    with standby.connect("retention_login") as connection:
        assert connection.execute(purge.format("true").encode()).fetchone() == (1,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="purge_skill_messages"):
            connection.execute(purge.format("false").encode())
