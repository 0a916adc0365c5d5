"""Interleaved timing, round trips, plans, WAL, throughput."""

import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any

import psycopg

from tests.bench.contestants import ENTRIES, Contestant
from tests.bench.operations import OPERATIONS, Operation, World

WARM_UP = 10  # runs dropped; fewer if they take long
BATCH = 5  # runs of one contestant before it is the next one's turn
AT_LEAST = 3
CONNECTIONS = (1, 2, 8)
ROUNDS = 4  # of throughput; the first is dropped

Stats = dict[str, float]

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


def stats(seconds: list[float]) -> Stats:
    """Count, and milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    percentiles = {f"p{n}": round(cuts[n - 1] * 1000, 4) for n in (50, 95, 99)}
    return {"runs": len(seconds), **percentiles}


class Turns:
    """What one contestant takes: runs, until its seconds or its arguments are used up.

    A run returns the seconds that count; those it took to prepare are used up as well.
    """

    def __init__(self, run: Callable[[], float], seconds: float, at_least: int) -> None:
        self.samples: list[float] = []
        self.over = False
        self._run = run
        self._left = seconds
        self._at_least = at_least

    def take(self, runs: int) -> None:
        for _ in range(runs):
            started = time.perf_counter()
            try:
                self.samples.append(self._run())
            except StopIteration:
                self.over = True
            self._left -= time.perf_counter() - started
            self.over |= self._left < 0 and len(self.samples) >= self._at_least
            if self.over:
                return


def interleave(runs: Mapping[str, Callable[[], float]], seconds: float) -> dict[str, list[float]]:
    """The samples of each."""
    for run in runs.values():
        Turns(run, seconds / 5, at_least=1).take(WARM_UP)
    turns = {name: Turns(run, seconds, AT_LEAST) for name, run in runs.items()}
    while active := [each for each in turns.values() if not each.over]:
        for each in active:
            each.take(BATCH)
    return {name: each.samples for name, each in turns.items()}


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
    world: World, operation: Operation, name: str, seconds: float = 1
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


@cache
def _worker_contestant(name: str, conninfo: str) -> Contestant:
    return ENTRIES[name].connect(conninfo)


def _work(task: tuple[str, str, int, float, float, list[Any]]) -> int:
    name, conninfo, number, start, end, arguments = task
    operation, contestant = OPERATIONS[number], _worker_contestant(name, conninfo)
    operation.run(contestant, arguments[-1])
    time.sleep(max(0, start - time.time()))
    done = 0
    while time.time() < end:
        operation.run(contestant, arguments[done % len(arguments)])
        done += 1
    return done


def throughput(world: World, operation: Operation, seconds: float) -> dict[str, dict[str, int]]:
    """Operations per second by connections and contestant; a process per connection."""
    names = ("limit", "ours, app", "by hand", "ORM")
    found = {}
    with multiprocessing.get_context("spawn").Pool(max(CONNECTIONS)) as pool:
        for count in CONNECTIONS:
            rates: dict[str, list[float]] = {name: [] for name in names}
            for name in names * ROUNDS:
                source = operation.arguments(world, ENTRIES[name].schema)
                arguments = [[next(source) for _ in range(50)] for _ in range(count)]
                start = time.time() + 0.1
                task = name, world.conninfo, OPERATIONS.index(operation), start, start + seconds
                tasks = [(*task, part) for part in arguments]
                rates[name].append(sum(pool.map(_work, tasks, chunksize=1)) / seconds)
            found[str(count)] = {
                name: round(statistics.median(rate[1:])) for name, rate in rates.items()
            }
    return found


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
    return stats(samples)


def round_trip(connection: psycopg.Connection[Any]) -> Callable[[], float]:
    """An empty query: what there is besides the network is next to nothing."""

    def run() -> float:
        started = time.perf_counter()
        connection.pgconn.exec_(b"")
        return time.perf_counter() - started

    return run
