"""Our sends next to procrastinate's enqueues, each from its own client and from pgbench."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from itertools import count
from statistics import median
from typing import Any

import procrastinate
import psycopg
from typing_extensions import LiteralString

from skill_messages import SkillMessages
from tests.bench.hosts import MESSAGE, USERS, fill
from tests.bench.pgbench import OURS, VARIABLES, Burst, burst, script, summary
from tests.bench.server import DurableServer, Size, deployed
from tools.server import ROOT

CLIENTS = (1, 2, 8)
SENDER, RECIPIENT = ("0", f"random(0, {USERS - 1})")
CONTENT = {"from_user_id": "1", "to_user_id": "2", "subject_skill_id": "1", "message": MESSAGE}
# What its client sends, with the same content as the arguments of the task.
ENQUEUE = """
SELECT unnest(procrastinate_defer_jobs_v1(:jobs::procrastinate_job_to_defer_v1[])) AS id;
"""
JOBS: LiteralString = """
SELECT ARRAY[ROW('default', 'send', 0, NULL, NULL, %s::jsonb, NULL)
]::procrastinate_job_to_defer_v1[]::text
"""

# Where it connects to is in the environment, for its command and for its client.
app = procrastinate.App(connector=procrastinate.PsycopgConnector(min_size=1, max_size=1))


def environment(conninfo: str, user: str) -> dict[str, str]:
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    return {f"PG{part.upper()}": str(parts[part]) for part in ("host", "port")} | {
        "PGDATABASE": str(parts["dbname"]),
        "PGUSER": user,
    }


def apply_schema(conninfo: str) -> None:
    """By its own command."""
    subprocess.run(
        [sys.executable, "-m", "procrastinate", "--app", f"{__name__}.app", "schema", "--apply"],
        cwd=ROOT,
        env=os.environ | environment(conninfo, "postgres"),
        check=True,
        capture_output=True,
    )


@cache
def sender(name: str, conninfo: str) -> Callable[[], object]:
    """What one client process calls again and again."""
    if name == "procrastinate":
        os.environ.update(environment(conninfo, "postgres"))
        app.open()
        task = app.configure_task("send", queue="default")
        return lambda: task.defer(**CONTENT)
    connection = psycopg.connect(f"{conninfo} user=app_login", autocommit=True)
    ours = SkillMessages(connection, tenant_id="0", user_id="1", prepare=True)
    numbers = count()
    return lambda: ours.send_skill_message("1", str(next(numbers) % USERS), "1", MESSAGE, "2")


def work(task: tuple[str, str, float, float]) -> int:
    name, conninfo, start, end = task
    send = sender(name, conninfo)
    send()
    time.sleep(max(0, start - time.time()))
    done = 0
    while time.time() < end:
        send()
        done += 1
    return done


def by_client(conninfo: str, size: Size) -> dict[str, Any]:
    """From processes of Python, one a connection."""
    found: dict[str, Any] = {}
    seconds = size.burst_seconds / 2
    with multiprocessing.get_context("spawn").Pool(max(CLIENTS)) as pool:
        for clients in CLIENTS:
            rates: dict[str, list[float]] = {"ours": [], "procrastinate": []}
            for _ in range(size.burst_rounds + 1):
                for name, taken in rates.items():
                    start = time.time() + 0.2
                    task = name, conninfo, start, start + seconds
                    taken.append(sum(pool.map(work, [task] * clients, chunksize=1)) / seconds)
            found[str(clients)] = {
                name: {"rate": round(median(taken[1:])), "rounds": list(map(round, taken[1:]))}
                for name, taken in rates.items()
            }
    return found


def by_pgbench(conninfo: str, jobs: str, size: Size) -> dict[str, Any]:
    contestants = {
        "ours": ("app_login", script(SENDER, RECIPIENT, OURS), VARIABLES),
        "procrastinate": ("postgres", ENQUEUE, {"jobs": jobs}),
    }
    bursts: dict[int, dict[str, list[Burst]]] = {}
    for number in range(size.burst_rounds + 1):
        for clients in CLIENTS:
            for name, (user, text, variables) in contestants.items():
                done = burst(
                    f"{conninfo} user={user}", text, clients, size.burst_seconds, variables
                )
                if number:
                    bursts.setdefault(clients, {}).setdefault(name, []).append(done)
    return {
        str(clients): {name: summary(taken) for name, taken in by_name.items()}
        for clients, by_name in bursts.items()
    }


def run(server: DurableServer, size: Size) -> dict[str, Any]:
    with deployed(server, "peers") as (conninfo, admin):
        fill(admin, tenants=1)
        apply_schema(conninfo)
        row = admin.execute(JOBS, [json.dumps(CONTENT)]).fetchone()
        assert row
        print("  by pgbench", flush=True)
        pgbench = by_pgbench(conninfo, row[0], size)
        print("  by their own clients", flush=True)
        client = by_client(conninfo, size)
    server.drop_database("peers")
    return {"version": version("procrastinate"), "pgbench": pgbench, "client": client}
