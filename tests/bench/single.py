"""One client: each operation against the limit and by hand, far away, and as the table grows."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from tests.bench.contestants import ENTRIES
from tests.bench.data import relation_bytes
from tests.bench.delay_proxy import delayed
from tests.bench.measure import (
    Stats,
    connected,
    examine,
    interleave,
    round_trip,
    stats,
    timed_runs,
    wal_bytes,
)
from tests.bench.operations import BY_SIZE, DELAYED, OPERATIONS, Operation, World
from tests.bench.server import DurableServer, Size, loaded

ONE_WAY_SECONDS = 0.001


def measure_operation(world: World, operation: Operation, seconds: float) -> dict[str, Any]:
    examined: dict[str, Any] = {}
    answers = {}
    for name in operation.entries:
        examined[name], answers[name] = examine(world, operation, name, min(seconds, 1))
    if operation.reads and any(each != answers["limit"] for each in answers.values()):
        raise RuntimeError(f"{operation.name}: the contestants' answers differ")
    with connected(world.conninfo, operation.entries) as contestants:
        found = interleave(timed_runs(world, operation, contestants), seconds)
    for name, rounds in found.items():
        examined[name]["ms"] = stats(rounds)
    return examined


def measure_delayed(
    world: World, operation: Operation, port: int, seconds: float
) -> dict[str, Stats]:
    """With the delay of a network, next to a round trip that does nothing."""
    names = [name for name in DELAYED if name in operation.entries]
    if "ours, app" in names:
        names.remove("ours, service")
    with connected(f"{world.conninfo} port={port}", names) as contestants:
        runs = timed_runs(world, operation, contestants)
        runs["round trip"] = round_trip(contestants["limit"].connection)
        found = interleave(runs, seconds)
    return {name: stats(rounds) for name, rounds in found.items()}


def measure_by_size(
    worlds: Mapping[int, World], operation: Operation, seconds: float
) -> dict[str, dict[str, Stats]]:
    """Small and large tables in turn, so that neither has the quieter minute."""
    runs = {}
    with ExitStack() as stack:
        for messages, world in worlds.items():
            contestants = stack.enter_context(connected(world.conninfo, BY_SIZE))
            for name, run in timed_runs(world, operation, contestants).items():
                runs[f"{name} {messages}"] = run
        found = {name: stats(rounds) for name, rounds in interleave(runs, seconds).items()}
    return {
        name: {str(messages): found[f"{name} {messages}"] for messages in worlds}
        for name in BY_SIZE
    }


def measure(worlds: Mapping[int, World], size: Size, port: int) -> dict[str, Any]:
    world = worlds[max(worlds)]
    measured: dict[str, Any] = {
        "bytes": relation_bytes(world.admin), "operations": {}, "delayed": {}, "by_size": {},
    }  # fmt: skip
    for operation in OPERATIONS:
        started, name = time.monotonic(), operation.name
        measured["operations"][name] = measure_operation(world, operation, size.seconds)
        if name != "send 1000":
            with delayed(port, ONE_WAY_SECONDS) as proxy:
                measured["delayed"][name] = measure_delayed(world, operation, proxy, size.seconds)
        if set(BY_SIZE) < set(operation.entries) and not name.startswith("send 1"):
            measured["by_size"][name] = measure_by_size(worlds, operation, size.seconds)
        print(f"  {name}: {time.monotonic() - started:.0f} s", flush=True)
    measured["wal_bytes_per_send"] = {
        name: {
            "after a checkpoint": wal_bytes(world, name, full_page_writes=True),
            "without full pages": wal_bytes(world, name, full_page_writes=False),
        }
        for name in ("limit", "ours, app", "by hand")
    }
    return measured


def run(server: DurableServer, size: Size) -> dict[str, Any]:
    with ExitStack() as stack:
        worlds, seconds = {}, {}
        for messages in size.messages:
            print(f"{messages:,} messages", flush=True)
            worlds[messages], seconds[messages] = stack.enter_context(
                loaded(server, messages, size.large_inbox)
            )
        population = worlds[max(worlds)].population
        found = measure(worlds, size, server.settings["port"])
    for messages in size.messages:
        server.drop_database(f"messages_{messages}")
    return {
        "sizes": list(size.messages),
        "load_seconds": [round(each) for each in seconds.values()],
        "tenants": population.tenants,
        "users": population.users,
        "large_inbox": population.large_inbox,
        "contestants": list(ENTRIES),
        **found,
    }
