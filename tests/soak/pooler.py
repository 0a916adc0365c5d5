"""No leak under a pooler: many clients of many tenants share two server connections.

Ids of users, skills and messages are the same in every tenant, so that only the tenant tells rows
apart. A message's text says whose it is.
"""

import random
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.conftest import Database, bouncer
from tests.soak.database import ready
from tests.soak.pooler_clients import Found
from tests.soak.pooler_operations import Client
from tests.trial.report import Figure
from tools.server import Server

CLIENTS = 50
OPERATIONS = 200_000
SETTINGS = ("default_pool_size = 2", "max_db_connections = 2", "max_client_conn = 200")

HOST = """
INSERT INTO tenants SELECT 't' || n, 'Tenant ' || n FROM generate_series(0, 19) AS n;
INSERT INTO users SELECT 'u' || n, id, 'User of ' || id FROM tenants, generate_series(0, 4) AS n;
INSERT INTO skills SELECT 's' || n, id, 'Skill of ' || id FROM tenants, generate_series(0, 2) AS n;
INSERT INTO skill_messages (
    id, tenant_id, from_user_id, to_user_id, subject_skill_id, message
)
SELECT 'only-in-' || id, id, 'u0', 'u1', 's0', id || ' u0 u1 Hello' FROM tenants
UNION ALL
SELECT 'm' || 5 * f + t, id, 'u' || f, 'u' || t, 's0', concat(id, ' u', f, ' u', t, ' Hello')
FROM tenants, generate_series(0, 4) AS f, generate_series(0, 4) AS t;
"""

# What was written for another tenant or user than its text says.
ASTRAY = """
SELECT FROM skill_messages
WHERE NOT starts_with(message, concat_ws(' ', tenant_id, from_user_id, to_user_id, ''))
"""

KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename ~ '_login$' ORDER BY random() LIMIT 1
"""


def follows(program: str) -> tuple[str, bool]:
    """The version of a PgBouncer, and whether it follows prepared statements."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    version = re.search(r"(\d+)\.(\d+)\S*", done.stdout)
    if not version:
        raise RuntimeError(f"{program} names no version: {done.stdout}")
    return version[0], (int(version[1]), int(version[2])) >= (1, 21)


def kill_backends(database: Database, found: Found, done: threading.Event) -> None:
    """End one of the pooler's server connections now and then."""
    with database.connect() as superuser:
        while not done.wait(random.uniform(0.2, 1)):  # noqa: S311
            found.faults["backend terminated"] += superuser.execute(KILL).rowcount


def run(
    database: Database,
    operations: int,
    seconds: float,
    *,
    login: str = "app_login",
    program: str = "pgbouncer",
    prepare: bool = False,
    clients: int = CLIENTS,
    seed: int = 0,
) -> Found:
    """So many operations of so many clients, half of them async, through one PgBouncer."""
    found = Found()
    settings = [*SETTINGS, *(["max_prepared_statements = 100"] if prepare else [])]
    with ExitStack() as stack:
        port = stack.enter_context(bouncer(database.server, *settings, program=program))
        done = threading.Event()
        killer = threading.Thread(target=kill_backends, args=[database, found, done])
        killer.start()
        stack.callback(killer.join)
        stack.callback(done.set)
        address = f"host=127.0.0.1 port={port} dbname={database.name} user={login}"
        deadline = time.monotonic() + seconds

        def work(number: int) -> None:
            with Client(address, number, seed=seed, prepare=prepare) as client:
                for _ in range(operations // clients):
                    if time.monotonic() > deadline:
                        break
                    client.act()
            found.add(client.found)

        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(work, range(clients)))
    with database.connect() as superuser:
        found.wrong += ["written for another"] * superuser.execute(ASTRAY).rowcount
    return found


def figures(title: str, seed: int, found: Found) -> Iterator[Figure]:
    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {counts[name]:,}" for name in sorted(counts))

    operations = f"{sum(found.operations.values()):,} with seed {seed}"
    faults = f"{sum(found.faults.values()):,}: {listed(found.faults)}"
    wrong = "; ".join([f"{len(found.wrong)} of {found.rows:,}", *found.wrong[:3]])
    yield f"{title}: operations", "reported only", operations, True
    yield f"{title}: faults injected", "some", faults, bool(found.faults)
    yield f"{title}: errors that callers saw", "reported only", listed(found.errors), True
    good = not found.wrong and found.rows > 0
    yield f"{title}: wrong rows and errors, of all rows that came back", "0", wrong, good


def campaign(
    minutes: float, programs: Sequence[str] = ("pgbouncer",), seed: int | None = None
) -> Iterator[Figure]:
    """As the app and as the service, and with prepared statements where PgBouncer follows them."""
    seed = random.randrange(10**6) if seed is None else seed  # noqa: S311
    runs: list[tuple[str, str, str, bool]] = []
    for program in programs:
        version, can_prepare = follows(program)
        title = f"PgBouncer {version}"
        runs.append((f"{title}, app", program, "app_login", False))
        runs.append((f"{title}, service", program, "service_login", False))
        if can_prepare:
            runs.append((f"{title}, app, prepared statements", program, "app_login", True))
        else:
            yield f"{title}, prepared statements", "from 1.21 on", "it does not follow them", True
    with Server() as server:
        database = ready(server, "pooler")
        with database.connect() as superuser:
            superuser.execute(HOST.encode())
        for title, program, login, prepared in runs:
            found = run(
                database,
                round(OPERATIONS * minutes / 30 / len(runs)),
                minutes * 60 / 3 / len(runs),
                login=login,
                program=program,
                prepare=prepared,
                seed=seed,
            )
            yield from figures(title, seed, found)
