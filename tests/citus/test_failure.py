"""A worker is killed during traffic.

The environment variable CITUS_RESTART is the command that starts it again. Without it, or where the
workers are on other machines, this skips: nothing may be left dead.
"""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator

import psycopg
import pytest

from skill_messages import SkillMessages
from tests.citus.cluster import CitusDatabase, Node, needs_citus
from tests.conftest import TENANTS, wait_until

RESTART = os.environ.get("CITUS_RESTART", "")

pytestmark = [
    needs_citus,
    pytest.mark.skipif(not RESTART, reason="CITUS_RESTART names no command that starts a worker"),
]

MORE_TENANTS = """
INSERT INTO tenants SELECT 't' || n, 'Tenant' FROM generate_series(1, 20) AS n;
INSERT INTO users SELECT 'ann', 't' || n, 'Ann' FROM generate_series(1, 20) AS n;
INSERT INTO skills SELECT 'sql', 't' || n, 'SQL' FROM generate_series(1, 20) AS n;
"""
TENANT_IDS = [f"t{number}" for number in range(1, 21)]


class Traffic:
    """Sends, tenant after tenant, whatever happens, and keeps what was acknowledged."""

    def __init__(self, database: CitusDatabase) -> None:
        self.acknowledged: list[tuple[str, str]] = []
        self.errors: list[psycopg.Error] = []
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        number = 0
        with self._database.connect("service_login") as connection:
            while not self._stop.is_set():
                number += 1
                tenant, id_ = TENANT_IDS[number % len(TENANT_IDS)], f"message {number}"
                client = SkillMessages(connection, tenant_id=tenant)
                try:
                    client.send_skill_message("ann", "ann", "sql", "During traffic", id=id_)
                    self.acknowledged.append((tenant, id_))
                except psycopg.Error as error:
                    self.errors.append(error)


@pytest.fixture
def traffic_base() -> Iterator[CitusDatabase]:
    database = CitusDatabase("citus_failure")
    database.create()
    database.deploy_base()
    with database.connect() as superuser:
        superuser.execute(TENANTS + MORE_TENANTS)
    database.distribute()
    yield database
    database.drop()


def kill(node: Node, dbname: str) -> None:
    """As kill -9 of its postmaster does: nothing is written, nobody is told."""
    assert node.host in ("127.0.0.1", "localhost", "::1"), "the worker is on another machine"
    [(pid,)] = node.execute(
        dbname, "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)::integer"
    )
    os.kill(pid, signal.SIGKILL)

    def is_gone() -> bool:
        try:
            node.execute(dbname, "SELECT 1")
        except psycopg.OperationalError:
            return True
        return False

    wait_until(is_gone)


def test_nothing_acknowledged_is_lost(traffic_base: CitusDatabase) -> None:
    killed = traffic_base.workers[0]
    with Traffic(traffic_base) as traffic:
        wait_until(lambda: len(traffic.acknowledged) > 100)
        kill(killed, traffic_base.name)
        try:
            before = len(traffic.acknowledged)
            wait_until(lambda: traffic.errors and len(traffic.acknowledged) > before + 20)
        finally:
            subprocess.run(shlex.split(RESTART), check=True, capture_output=True)
        failed = len(traffic.errors)
        # Without a repair by hand, every tenant sends again.
        sent_again = len(traffic.acknowledged)
        wait_until(
            lambda: {tenant for tenant, _ in traffic.acknowledged[sent_again:]} == set(TENANT_IDS)
        )
    assert failed > 0
    # The errors say that a node is gone, and name it; none is an error of the caller.
    for error in traffic.errors:
        assert isinstance(error, psycopg.OperationalError), repr(error)
        assert not (error.sqlstate or "").startswith("SM")
    with traffic_base.connect() as superuser:
        stored = superuser.execute("SELECT tenant_id, id FROM skill_messages").fetchall()
        prepared = """
            SELECT DISTINCT result FROM run_command_on_workers(
                'SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()'
            )
        """
        wait_until(lambda: superuser.execute(prepared).fetchall() == [("0",)])
    assert set(traffic.acknowledged) <= set(stored)
    done = traffic_base.sqitch("verify")
    assert done.returncode == 0, done.stderr
