"""Races: two transactions at once, at each isolation level, and what each of the callers sees.

Both have a snapshot before either acts, so that the levels differ as much as they can. Every round
has a tenant of its own, with one message: m, from ann to bob.
"""

import contextlib
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from tests.conftest import Database
from tests.soak.database import ready
from tests.soak.race_operations import (
    LEVELS,
    NOTHING,
    OPERATIONS,
    RACES,
    is_exclusive,
    refusals,
)
from tests.trial.report import Figure
from tools.server import Server

ROUNDS = 10_000

HOST = """
INSERT INTO tenants SELECT 't' || n, 'Tenant' FROM generate_series(0, {rounds}) AS n;
INSERT INTO users SELECT u, id, 'User' FROM tenants, unnest(ARRAY['ann', 'bob']) AS u;
INSERT INTO skills SELECT s, id, 'Skill' FROM tenants, unnest(ARRAY['sub', 'par']) AS s;
SET session_replication_role = replica;
INSERT INTO skill_messages (
    id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message,
    created_at
) SELECT 'm', id, 'ann', 'bob', 'sub', 'par', 'Hello', '2026-01-01' FROM tenants;
RESET session_replication_role;
ANALYZE;
"""
EMPTY = "TRUNCATE tenants, users, skills, skill_messages"


class Side:
    """One of the two: its connection, and what became of each round."""

    def __init__(
        self, database: Database, name: str, level: str, barrier: threading.Barrier
    ) -> None:
        login = "retention_login" if name in ("erase", "purge") else "service_login"
        options = "-c default_transaction_isolation=" + level.replace(" ", r"\ ")
        self.name = name
        self.outcomes: list[str] = []
        self.answers: list[Any] = []
        self._connection = database.connect(login, options=options)
        self._barrier = barrier

    def run(self, rounds: int) -> None:
        with self._connection:
            for number in range(rounds):
                outcome, answer = "done", None
                try:
                    answer = self._act(f"t{number}")
                    if not answer:
                        outcome = NOTHING
                except psycopg.Error as error:
                    outcome = error.sqlstate or "connection lost"
                self.outcomes.append(outcome)
                self.answers.append(answer)
                self._barrier.wait(60)

    def _act(self, tenant: str) -> Any:
        statement = OPERATIONS[self.name][0].format(tenant).encode()
        with contextlib.ExitStack() as stack:
            if self.name != "purge":  # which commits by itself
                stack.enter_context(self._connection.transaction())
                self._connection.execute("SELECT set_skill_message_context(%s)", [tenant])
            self._barrier.wait(60)
            time.sleep(random.random() / 1000)  # noqa: S311
            done = self._connection.execute(statement)
            if done.description is None:
                return done.rowcount
            [(answer,)] = done.fetchall()
            return answer if self.name != "erase" else answer != ("0", "0")


def race(
    database: Database, level: str, names: tuple[str, str], rounds: int
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Round after round.

    Returns:
        How often each pair of outcomes was seen, and what must not be.
    """
    with database.connect() as superuser:
        superuser.execute(EMPTY)
        superuser.execute(HOST.format(rounds=rounds).encode())
    barrier = threading.Barrier(2)
    one, other = sides = [Side(database, name, level, barrier) for name in names]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Side.run, sides, [rounds] * 2))

    pairs = list(zip(one.outcomes, other.outcomes, strict=True))
    told = [refusals(*names, level), refusals(*names[::-1], level)]
    wrong = [
        f"t{number}: {pair}"
        for number, pair in enumerate(pairs)
        if pair.count("done") == 0
        or (pair.count("done") == 2 and is_exclusive(*names))
        or any(seen not in {"done"} | told[side] for side, seen in enumerate(pair))
    ]
    if names == ("read", "read"):
        answers = zip(one.answers, other.answers, strict=True)
        wrong += [f"two readings: {pair}" for pair in answers if len({*pair} - {None}) > 1]
    with database.connect() as superuser:
        for side in sides:
            done = [f"t{n}" for n, outcome in enumerate(side.outcomes) if outcome == "done"]
            never = OPERATIONS[side.name][1]
            query = f"SELECT * FROM skill_messages WHERE tenant_id = ANY (%s) AND ({never})"  # noqa: S608
            found = superuser.execute(query.encode(), [done]).fetchall()
            wrong += [f"after {side.name}: {row}" for row in found]
    return Counter(pairs), wrong


def switches(
    database: Database, level: str, rounds: int
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Two threads choose, in one transaction, another tenant each, or another user."""
    barrier = threading.Barrier(2)
    with database.connect("app_login") as connection:
        connection.isolation_level = psycopg.IsolationLevel[level.replace(" ", "_").upper()]

        def choose(side: int) -> list[str]:
            outcomes = []
            for number in range(rounds):
                choice = ["t0", ["ann", "bob"][side]] if number % 2 else [f"t{side}", "ann"]
                barrier.wait(60)
                try:
                    connection.execute("SELECT set_skill_message_context(%s, %s)", choice)
                    outcomes.append("done")
                except psycopg.Error as error:
                    outcomes.append(error.sqlstate or "connection lost")
                barrier.wait(60)
                if side == 0:
                    connection.rollback()
            return outcomes

        connection.autocommit = False
        with ThreadPoolExecutor() as pool:
            pairs = list(zip(*pool.map(choose, range(2)), strict=True))
    return Counter(pairs), [str(pair) for pair in pairs if sorted(pair) != ["SM005", "done"]]


def campaign(minutes: float) -> Iterator[Figure]:
    """Ten thousand rounds in half an hour, shared by all races and levels."""
    rounds = math.ceil(ROUNDS * minutes / 30 / len(LEVELS) / (len(RACES) + 1))
    with Server() as server:
        database = ready(server, "races")
        for names in [*RACES, ("choose one", "choose another")]:
            seen, wrong = [], []
            for level in LEVELS:
                if names in RACES:
                    pairs, bad = race(database, level, names, rounds)
                else:
                    pairs, bad = switches(database, level, rounds)
                counts = ", ".join(f"{a} / {b} {n}" for (a, b), n in pairs.most_common())
                seen.append(f"{level.upper()}: {counts}")
                wrong += [f"{level}: {text}" for text in bad]
            only = "exactly one done" if is_exclusive(*names) or names not in RACES else "one done"
            yield " against ".join(names), only, "; ".join([*seen, *wrong[:3]]), not wrong
        with database.connect() as superuser:
            query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            [(deadlocks,)] = superuser.execute(query).fetchall()
        total = rounds * len(LEVELS) * (len(RACES) + 1)
        yield f"deadlocks in {total:,} rounds", "0", str(deadlocks), not deadlocks
