"""Totals are what the server knows, and null, not 0, where it has lost count.

What the view reads, and for whom, is in pgtap/monitoring. Here are servers that lose count.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row
from typing_extensions import LiteralString

from tests.conftest import TENANTS, Database
from tests.schema.test_check import printed
from tools.server import Server, as_unprivileged, deploy, hand_over

COUNTERS = ["messages", "unread", "sent", "changed", "deleted"]
UNKNOWN = [None, None, None]

SEND: LiteralString = """
INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
VALUES ('acme', 'ann', 'bob', 'sql', 'Hello')
"""


class Standby(Server):
    def __init__(self, primary: Server) -> None:
        self.primary = primary
        # Said here, since what -R writes may be more than the server's libpq knows.
        follow = f"primary_conninfo=postgresql://postgres@127.0.0.1:{primary.settings['port']}"
        super().__init__(postgres_args=f"-h 127.0.0.1 -F -c {follow}")

    def initialize_database(self) -> None:
        """A copy of the primary, which goes on to follow it."""
        for path in (self.base_dir, *(f"{self.base_dir}/{name}" for name in self.subdirectories)):
            hand_over(path)
        program = Path(self.postgres).resolve().with_name("pg_basebackup")
        where = ["-d", self.primary.conninfo(), "-D", self.get_data_directory()]
        command = as_unprivileged([str(program), "-R", "-c", "fast", *where])
        subprocess.run(command, check=True, capture_output=True, cwd="/")


@pytest.fixture(scope="module")
def crashing() -> Iterator[Server]:
    """A server of its own, to be crashed. Autovacuum would make it count again by itself."""
    with Server(postgres_args="-h 127.0.0.1 -F -c autovacuum=off") as server:
        server.create_database("deployed")
        deploy(server.target("deployed"))
        yield server


@pytest.fixture
def database(crashing: Server, names: Iterator[str]) -> Iterator[Database]:
    database = Database(crashing, next(names))
    crashing.create_database(database.name, "deployed")
    with database.connect() as connection:
        connection.execute(TENANTS)
    yield database
    crashing.drop_database(database.name)


def totals(database: Database) -> dict[str, Any]:
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        [row] = cursor.execute("SELECT * FROM skill_message_totals")
    return row


def counted(database: Database, expected: list[int | None]) -> bool:
    """Whether the totals become so: a session reports what it did when it ends, or a bit later."""
    for _ in range(100):
        found = [totals(database)[name] for name in COUNTERS]
        if found == expected:
            return True
        time.sleep(0.05)
    pytest.fail(f"{dict(zip(COUNTERS, found, strict=True))}, not {expected}")


def execute(database: Database, *statements: str) -> None:
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def send(database: Database, number: int) -> None:
    with database.connect() as connection:
        for _ in range(number):
            connection.execute(SEND)


def crash(server: Server) -> None:
    """As `pg_ctl stop -m immediate` does it, and start again."""
    server.child_process.send_signal(signal.SIGQUIT)
    server.child_process.wait()
    server.child_process = None
    server.start()


def test_a_crash_leaves_null_and_not_0(database: Database) -> None:
    assert counted(database, [0, 0, 0, 0, 0])
    crash(database.server)
    assert counted(database, [0, 0, 0, 0, 0])

    send(database, 10)
    assert counted(database, [10, None, 10, 0, 0])
    crash(database.server)
    assert counted(database, [None, None, *UNKNOWN])

    execute(database, "ANALYZE skill_messages")
    assert counted(database, [10, 10, 0, 0, 0])
    send(database, 5)
    execute(database, "UPDATE skill_messages SET read_at = now()", "DELETE FROM skill_messages")
    send(database, 7)
    assert counted(database, [7, 10, 12, 15, 15])
    assert totals(database)["last_analyzed_at"]

    # What was vacuumed or analyzed last is in the catalogue, and survives; a send does not mend it.
    execute(database, "VACUUM skill_messages", "CHECKPOINT")
    crash(database.server)
    send(database, 1)
    assert counted(database, [7, 7, *UNKNOWN])
    assert totals(database)["last_vacuumed_at"] is None
    assert totals(database)["last_analyzed_at"] is None
    assert totals(database)["table_bytes"] > 0
    assert printed(database)["statistics"][0] == "WARNING"

    execute(database, "ANALYZE skill_messages")
    send(database, 1)
    assert counted(database, [9, 8, 2, 0, 0])

    # A DBA who resets them loses count just so.
    execute(database, "SELECT pg_stat_reset()")
    assert counted(database, [8, 8, *UNKNOWN])


def test_a_standby_knows_what_is_in_the_catalogue(database: Database) -> None:
    send(database, 3)
    with Standby(database.server) as server:
        standby = Database(server, database.name)
        assert counted(standby, [None, None, *UNKNOWN])
        execute(database, "ANALYZE skill_messages")
        send(database, 4)
        assert counted(database, [7, 3, 7, 0, 0])
        assert counted(standby, [3, 3, *UNKNOWN])
        reindex = "REINDEX INDEX CONCURRENTLY skill_messages_unread_idx"
        execute(database, reindex, "ANALYZE skill_messages")
        assert counted(standby, [7, 7, *UNKNOWN])

        lines = printed(standby)
        assert lines.pop("statistics") == ("unknown", "a standby has none of its own")
        assert lines["size"][1].startswith("about 7 messages, 7 unread; table ")
        assert {state for topic, (state, _) in lines.items() if topic != "server"} == {"ok"}


def test_a_restored_database_counts_what_was_restored(database: Database, tmp_path: Path) -> None:
    send(database, 6)
    restored = Database(database.server, f"{database.name}_restored")
    database.server.create_database(restored.name)
    file = tmp_path / "dump"
    subprocess.run(["pg_dump", "-Fc", "-f", file, database.conninfo()], check=True)
    subprocess.run(["pg_restore", "-d", restored.conninfo(), file], check=True)
    # Building the indexes counts too, on some servers.
    found = totals(restored)
    assert {found[name] for name in COUNTERS[:3]} <= {6, None}
    execute(restored, "ANALYZE skill_messages")
    assert counted(restored, [6, 6, 6, 0, 0])
    execute(restored, "VACUUM skill_messages", "DELETE FROM skill_messages")
    assert counted(restored, [0, 6, 6, 0, 6])
