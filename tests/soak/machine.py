"""Random operations by random actors, in the database and in a model that must agree with it.

A rule is something that an actor may try, with arguments that make sense or none. After each step
three things must hold: both gave the same answer, both hold the same rows, and no row came back
that is another tenant's or, for the app, another user's.

The specification is model.py, model_calls.py and model_statements.py. The rules are in
machine_contexts.py, machine_calls.py and machine_statements.py. machine_steps.py compares.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import LOGIN_ROLES, Database
from tests.soak.machine_calls import HUGE
from tests.soak.machine_database import WATCHERS
from tests.soak.machine_statements import Statements
from tests.soak.machine_steps import Run
from tests.trial.report import Figure
from tools.server import Server, deploy


@contextmanager
def watched(database: Database) -> Iterator[Run]:
    """The connections of all actors to a database with the schema and the login roles."""
    with database.connect() as superuser:
        superuser.execute(WATCHERS)
    run = Run(database)
    try:
        yield run
    finally:
        run.close()


def play(run: Run, examples: int, derandomize: bool = False, shrink: bool = True) -> None:
    """Compare so many examples of at most 50 steps.

    Raises:
        AssertionError: There is a difference. Hypothesis prints the shortest way to it.
    """
    run_state_machine_as_test(
        type("Machine", (Statements,), {"run_": run}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            derandomize=derandomize,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def campaign(minutes: float) -> Iterator[Figure]:
    """Other examples each time. It ends with the first difference, whose repetition is printed."""
    until, differences = time.monotonic() + 60 * minutes, 0
    HUGE.append(100_000_000)
    with Server() as server:
        server.create_database("soak")
        deploy(server.target("soak"))
        with psycopg.connect(server.conninfo("soak"), autocommit=True) as superuser:
            superuser.execute(LOGIN_ROLES)
        with watched(Database(server, "soak")) as run:
            try:
                while time.monotonic() < until:
                    play(run, 50)
            except Exception as difference:
                differences = 1
                print(difference, *getattr(difference, "__notes__", ()), sep="\n")
    count, kinds = run.count, run.kinds
    steps = f"{kinds.total():,} in {count['examples']:,} examples"
    yield "State machine: steps", "any", f"{steps}; {count['refused']:,} were refused", True
    each = ", ".join(f"{kind} {number:,}" for kind, number in kinds.most_common())
    yield "State machine: of each kind", "any", each, min(kinds.values()) > 0
    yield "State machine: differences", "0", str(differences), differences == 0
    rows, crossed = count["rows"], count["crossed"]
    yield "State machine: rows read", "any", f"{rows:,}", rows > 0
    yield "State machine: rows of somebody else", "0", str(crossed), crossed == 0
