"""Interleaved timing, round trips, plans, WAL."""

import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import psycopg

from tests.bench.contestants import ENTRIES, Contestant
from tests.bench.operations import Operation, World

WARM_UP = 10  # runs dropped; fewer if they take long
ROUNDS = 12
TURNS = 10  # of each contestant in a round
AT_LEAST = 2  # runs of what takes seconds

Stats = dict[str, Any]

EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "client_min_messages": "log",
}
# What a node did besides finding the rows asked for.
ROWS_IN_VAIN = {"Rows Removed by Filter": "rows filtered", "Heap Fetches": "heap fetches"}


def stats(rounds: list[list[float]]) -> Stats:
    """Milliseconds: percentiles of all runs, and the median of each round, null if it had none."""
    runs = [seconds for each in rounds for seconds in each]
    # Of a single run, all of them are that run.
    cuts = statistics.quantiles(runs * (1 + (len(runs) == 1)), n=100, method="inclusive")
    return {
        "runs": len(runs),
        **{f"p{n}": round(cuts[n - 1] * 1000, 4) for n in (50, 95, 99)},
        "rounds": [round(statistics.median(each) * 1000, 4) if each else None for each in rounds],
    }


class Turns:
    """What one contestant takes: in each round, its share of so many seconds.

    A run returns the seconds that count; those it took to prepare are used up as well. One that is
    slower than a share misses rounds, and in the end catches up to `AT_LEAST` runs.
    """

    def __init__(self, run: Callable[[], float]) -> None:
        self.rounds: list[list[float]] = [[]]
        self._run = run
        self._used = 0.0

    def take(self, until: float, runs: int = 1_000_000) -> None:
        """Runs of the present round."""
        while self._used < until and runs:
            started = time.perf_counter()
            try:
                self.rounds[-1].append(self._run())
            except StopIteration:
                self._used = math.inf
            self._used += time.perf_counter() - started
            runs -= 1

    def restart(self) -> None:
        """After the warm-up."""
        self.rounds, self._used = [[]], 0.0

    def catch_up(self) -> None:
        missing = AT_LEAST - sum(map(len, self.rounds))
        if missing > 0 and self._used < math.inf:
            self.take(math.inf, missing)


def interleave(
    runs: Mapping[str, Callable[[], float]], seconds: float
) -> dict[str, list[list[float]]]:
    """The samples of each, by round; each turn begins with another of them."""
    turns = {name: Turns(run) for name, run in runs.items()}
    order = list(turns.values())
    for each in order:
        each.take(seconds / 5, WARM_UP)
        each.restart()
    for number in range(ROUNDS * TURNS):
        order.append(order.pop(0))
        for each in order:
            if number and number % TURNS == 0:
                each.rounds.append([])
            each.take(seconds * (number + 1) / ROUNDS / TURNS)
    for each in order:
        each.catch_up()
    return {name: each.rounds for name, each in turns.items()}


@contextmanager
def connected(conninfo: str, names: Iterable[str]) -> Iterator[dict[str, Contestant]]:
    contestants = {name: ENTRIES[name].connect(conninfo) for name in names}
    yield contestants
    for contestant in contestants.values():
        contestant.connection.close()


def _timed(
    operation: Operation, contestant: Contestant, arguments: Iterator[Any]
) -> Callable[[], float]:
    def run() -> float:
        argument = next(arguments)
        started = time.perf_counter()
        operation.run(contestant, argument)
        return time.perf_counter() - started

    return run


def timed_runs(
    world: World, operation: Operation, contestants: Mapping[str, Contestant]
) -> dict[str, Callable[[], float]]:
    runs = {}
    for number, (name, contestant) in enumerate(contestants.items()):
        arguments = operation.arguments(world, ENTRIES[name].schema)
        if operation.reads:
            # Not the rows that another contestant has just brought into the processor's cache.
            arguments = islice(arguments, 9 * number, None)
        runs[name] = _timed(operation, contestant, arguments)
    return runs


def _round_trips(contestant: Contestant, run: Callable[[], object]) -> int:
    with tempfile.TemporaryFile() as file:
        contestant.connection.pgconn.trace(file.fileno())
        run()
        contestant.connection.pgconn.untrace()
        file.seek(0)
        return file.read().count(b"\tReadyForQuery")


def _nodes(plan: dict[str, Any]) -> Iterator[str]:
    on = plan.get("Index Name") or plan.get("Relation Name", "")
    notes = [f"{plan[key]} {word}" for key, word in ROWS_IN_VAIN.items() if plan.get(key)]
    yield " ".join(filter(None, [plan["Node Type"], on, ", ".join(notes)]))
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def examine(
    world: World, operation: Operation, name: str, seconds: float
) -> tuple[dict[str, Any], object]:
    """Round trips, the plans of all statements down to those of the foreign keys, and the answer.

    After as many runs as make PL/pgSQL and psycopg settle on a plan, if they are quick.
    """
    contestant = ENTRIES[name].connect(world.conninfo, **EXPLAIN)
    notices: list[str] = []
    contestant.connection.add_notice_handler(
        lambda notice: notices.append(notice.message_primary or "")
    )
    arguments = operation.arguments(world, ENTRIES[name].schema)
    deadline = time.monotonic() + seconds
    for _ in range(10):
        operation.run(contestant, next(arguments))
        if time.monotonic() > deadline:
            break
    notices.clear()
    argument = next(arguments)
    answers: list[object] = []
    trips = _round_trips(contestant, lambda: answers.append(operation.run(contestant, argument)))
    contestant.connection.close()
    plans = [json.loads(text.split("plan:", 1)[1])["Plan"] for text in notices if "plan:" in text]
    nodes = [node for plan in plans for node in _nodes(plan) if node != "Result"]
    return {"round_trips": trips, "plan": list(dict.fromkeys(nodes))}, answers[0]


def wal_position(admin: psycopg.Connection[Any]) -> int:
    row = admin.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
    assert row
    return int(row[0])


def wal_bytes(world: World, name: str, full_page_writes: bool, sends: int = 200) -> int:
    """Bytes of WAL per send right after a checkpoint."""
    world.admin.execute(f"ALTER SYSTEM SET full_page_writes = {full_page_writes}".encode())
    world.admin.execute("SELECT pg_reload_conf()")
    contestant = ENTRIES[name].connect(world.conninfo)
    world.admin.execute("CHECKPOINT")
    before = wal_position(world.admin)
    for _ in range(sends):
        contestant.send(world.population.proposal())
    after = wal_position(world.admin)
    contestant.connection.close()
    world.admin.execute("ALTER SYSTEM RESET full_page_writes")
    world.admin.execute("SELECT pg_reload_conf()")
    return (after - before) // sends


def fsync_stats() -> Stats:
    """What one fsync of a page costs here: the floor of every committed write."""
    samples = []
    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            file.write(bytes(8192))
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            samples.append(time.perf_counter() - started)
    return stats([samples])


def round_trip(connection: psycopg.Connection[Any]) -> Callable[[], float]:
    """An empty query: what there is besides the network is next to nothing."""

    def run() -> float:
        started = time.perf_counter()
        connection.pgconn.exec_(b"")
        return time.perf_counter() - started

    return run
