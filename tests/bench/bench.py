"""Measures the schema against the limit and against what people would use instead.

python -m tests.bench.bench --size small|full --output DIRECTORY
"""

import argparse
import json
import os
import platform
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
from testing.common.database import Database

from tests.bench.contestants import FEW, LOGIN_ROLES
from tests.bench.data import CONTESTANT_TABLES, Population, load, relation_bytes
from tests.bench.delay_proxy import delayed
from tests.bench.measure import (
    Stats,
    connected,
    examine,
    fsync_stats,
    interleave,
    round_trip,
    stats,
    throughput,
    timed_runs,
    wal_bytes,
)
from tests.bench.operations import OPERATIONS, Operation, World
from tests.bench.pgbench import pgbench
from tests.bench.report import write_report
from tools.server import Server, deploy

ONE_WAY_SECONDS = 0.001


@dataclass(frozen=True)
class Size:
    """How much to load, and how long to measure: per operation and contestant, in seconds."""

    messages: tuple[int, ...]
    large_inbox: int
    settings: dict[str, str]
    seconds: float
    pgbench_seconds: int


SIZES = {
    "small": Size(
        (0, 10_000, 200_000),
        10_000,
        {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h"},
        seconds=0.2,
        pgbench_seconds=1,
    ),
    "full": Size(
        (0, 10_000, 1_000_000, 10_000_000),
        100_000,
        {
            "shared_buffers": "8GB",
            "max_wal_size": "32GB",
            "checkpoint_timeout": "1h",
            "maintenance_work_mem": "1GB",
        },
        seconds=1.2,
        pgbench_seconds=4,
    ),
}


class DurableServer(Server):
    """With fsync, unlike the server of the tests."""

    def __init__(self, settings: dict[str, str]) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        super().__init__(postgres_args=f"-h 127.0.0.1 -c logging_collector=off {options}")

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
def loaded(server: Server, messages: int, large_inbox: int) -> Iterator[tuple[World, float]]:
    """A database with the schema deployed and everybody's tables filled."""
    dbname = f"messages_{messages}"
    server.create_database(dbname)
    deploy(server.target(dbname))
    conninfo = f"host=127.0.0.1 port={server.settings['port']} dbname={dbname}"
    with psycopg.connect(f"{conninfo} user=postgres", autocommit=True) as admin:
        if not admin.execute("SELECT FROM pg_roles WHERE rolname = 'app_login'").rowcount:
            admin.execute(LOGIN_ROLES)
        admin.execute(CONTESTANT_TABLES)
        admin.execute("RESET search_path")
        population = Population(messages, large_inbox)
        seconds = load(admin, population)
        yield World(conninfo, admin, population), seconds


def with_limit_indexes(world: World, chosen: Iterable[Operation]) -> Iterator[Operation]:
    """The operations in turn, while the limit's table has just the indexes that each wants."""
    for indexes, operations in groupby(chosen, key=lambda each: each.limit_indexes):
        for number, index in enumerate(indexes):
            world.admin.execute(
                f"CREATE INDEX limit_{number} ON bare.skill_messages {index}".encode()
            )
        yield from operations
        for number in range(len(indexes)):
            world.admin.execute(f"DROP INDEX bare.limit_{number}".encode())


def measure_operation(world: World, operation: Operation, seconds: float) -> dict[str, Any]:
    examined: dict[str, Any] = {}
    answers = {}
    for name in operation.entries:
        examined[name], answers[name] = examine(world, operation, name)
    if operation.reads and any(each != answers["limit"] for each in answers.values()):
        raise RuntimeError(f"{operation.name}: the contestants' answers differ")
    with connected(world.conninfo, operation.entries) as contestants:
        found = interleave(timed_runs(world, operation, contestants), seconds)
    for name, samples in found.items():
        examined[name]["ms"] = stats(samples)
    return examined


def measure_delayed(
    world: World, operation: Operation, port: int, seconds: float
) -> dict[str, Stats]:
    """With the delay of a network, next to a round trip that does nothing."""
    names = [name for name in FEW if name in operation.entries]
    with connected(f"{world.conninfo} port={port}", names) as contestants:
        runs = timed_runs(world, operation, contestants)
        runs["round trip"] = round_trip(contestants["limit"].connection)
        found = interleave(runs, seconds)
    return {name: stats(samples) for name, samples in found.items()}


def measure_table(world: World, seconds: float) -> dict[str, Any]:
    """What is measured at every size."""
    population = world.population
    measured: dict[str, Any] = {
        "tenants": population.tenants,
        "users": population.users,
        "large_inbox": population.large_inbox,
        "bytes": relation_bytes(world.admin),
        "operations": {},
    }
    chosen = [each for each in OPERATIONS if population.messages or each.deletes]
    for operation in with_limit_indexes(world, chosen):
        started = time.monotonic()
        measured["operations"][operation.name] = measure_operation(world, operation, seconds)
        print(f"  {operation.name}: {time.monotonic() - started:.0f} s", flush=True)
    if population.messages:
        measured["wal_bytes_per_send"] = {
            name: {
                "after a checkpoint": wal_bytes(world, name, full_page_writes=True),
                "without full pages": wal_bytes(world, name, full_page_writes=False),
            }
            for name in ("limit", "ours, app", "by hand")
        }
    return measured


def measure_largest(world: World, server: Server, size: Size) -> dict[str, Any]:
    """What is measured once: with the delay, from several connections, without Python."""
    world.admin.execute("VACUUM (ANALYZE)")
    world.admin.execute("CHECKPOINT")
    print("  with a delay", flush=True)
    once = [operation for operation in OPERATIONS if not operation.repeated]
    with delayed(server.settings["port"], ONE_WAY_SECONDS) as port:
        far = {
            operation.name: measure_delayed(world, operation, port, size.seconds)
            for operation in with_limit_indexes(world, once)
        }
    print("  from several connections, and from pgbench", flush=True)
    measured: dict[str, Any] = {"delayed": far, "throughput": {}, "pgbench": {}}
    chosen = [each for each in OPERATIONS if each.name in ("inbox page", "send")]
    for operation in with_limit_indexes(world, chosen):
        measured["throughput"][operation.name] = throughput(world, operation, size.seconds)
        measured["pgbench"][operation.name] = pgbench(world, operation.name, size.pgbench_seconds)
    return measured


def run(size: Size) -> dict[str, Any]:
    result: dict[str, Any] = {
        "machine": machine(),
        "versions": {name: version(name) for name in ("psycopg", "SQLAlchemy")},
        "settings": size.settings,
        "tables": {},
    }
    result["versions"]["Python"] = platform.python_version()
    with DurableServer(size.settings) as server:
        for messages in size.messages:
            print(f"{messages:,} messages", flush=True)
            with loaded(server, messages, size.large_inbox) as (world, load_seconds):
                table = measure_table(world, size.seconds)
                result["tables"][str(messages)] = {"load_seconds": round(load_seconds), **table}
                if messages == max(size.messages):
                    result |= measure_largest(world, server, size)
                number = world.admin.info.parameter_status("server_version")
                result["versions"]["PostgreSQL"] = number
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    started = time.monotonic()
    result = {"size": arguments.size} | run(SIZES[arguments.size])
    result["seconds"] = round(time.monotonic() - started)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / f"{arguments.size}.json").write_text(json.dumps(result, indent=1) + "\n")
    write_report(result, arguments.output)
    print(f"{arguments.output}/{arguments.size}.md after {result['seconds']} s")


if __name__ == "__main__":
    main()
