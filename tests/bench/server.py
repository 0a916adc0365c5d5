"""A server with fsync, the machine it runs on, and databases with everybody's tables filled."""

import os
import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from testing.common.database import Database

from tests.bench.data import Population, load
from tests.bench.measure import fsync_stats
from tests.bench.operations import World
from tests.bench.tables import BARE, HAND, LOGIN_ROLES
from tools.server import Server, deploy


@dataclass(frozen=True)
class Size:
    """How much to load, and how long to measure."""

    messages: tuple[int, ...]
    large_inbox: int
    settings: dict[str, str]
    seconds: float  # for each operation and contestant
    burst_seconds: int  # of pgbench
    burst_rounds: int
    preloaded: int  # messages that are there when several clients or a long life begin
    churn_operations: int
    churn_seconds: int  # then it stops, wherever it is


SIZES = {
    "small": Size(
        (10_000, 100_000),
        10_000,
        {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h"},
        seconds=0.2,
        burst_seconds=1,
        burst_rounds=2,
        preloaded=20_000,
        churn_operations=200_000,
        churn_seconds=60,
    ),
    "full": Size(
        (10_000, 1_000_000, 10_000_000),
        100_000,
        {
            "shared_buffers": "8GB",
            "max_wal_size": "32GB",
            "checkpoint_timeout": "1h",
            "maintenance_work_mem": "1GB",
        },
        seconds=1.2,
        burst_seconds=3,
        burst_rounds=4,
        preloaded=1_000_000,
        churn_operations=10_000_000,
        churn_seconds=480,
    ),
}


class DurableServer(Server):
    """With fsync, unlike the server of the tests."""

    def __init__(self, settings: dict[str, str]) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        super().__init__(postgres_args=f"-h 127.0.0.1 -c logging_collector=off {options}")
        with psycopg.connect(self.conninfo(), autocommit=True) as admin:
            self.version = admin.info.parameter_status("server_version")

    def set(self, name: str, value: str) -> None:
        """From now on, for everybody."""
        with psycopg.connect(self.conninfo(), autocommit=True) as admin:
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            admin.execute("SELECT pg_reload_conf()")

    def terminate(self, *_: object) -> None:
        """At once: what it would write before stopping is thrown away anyhow."""
        Database.terminate(self, signal.SIGQUIT)


def machine() -> dict[str, Any]:
    cpu = next(
        line.partition(": ")[2]
        for line in [*Path("/proc/cpuinfo").read_text().splitlines(), "model name: unknown"]
        if line.startswith("model name")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "fsync_ms": fsync_stats(),
    }


@contextmanager
def deployed(server: Server, dbname: str) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """A database with schema and logins: where to connect, and a superuser's connection."""
    server.create_database(dbname)
    deploy(server.target(dbname))
    conninfo = f"host=127.0.0.1 port={server.settings['port']} dbname={dbname}"
    with psycopg.connect(f"{conninfo} user=postgres", autocommit=True) as admin:
        if not admin.execute("SELECT FROM pg_roles WHERE rolname = 'app_login'").rowcount:
            admin.execute(LOGIN_ROLES)
        yield conninfo, admin


@contextmanager
def loaded(server: Server, messages: int, large_inbox: int) -> Iterator[tuple[World, float]]:
    """A database with everybody's tables filled, and the seconds that took."""
    with deployed(server, f"messages_{messages}") as (conninfo, admin):
        admin.execute(BARE)
        admin.execute(HAND)
        population = Population(messages, large_inbox)
        seconds = load(admin, f"{conninfo} user=postgres", population)
        yield World(conninfo, admin, population), seconds
