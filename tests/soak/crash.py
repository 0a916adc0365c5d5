"""Crash: kill -9 of the whole server under load, and of a primary whose standby takes over."""

import os
import random
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.conftest import TENANTS, Database, wait_until
from tests.soak.database import ready
from tests.soak.journal import Journal
from tests.trial.report import Figure
from tools.server import Server, as_unprivileged, hand_over

KILLS = 20
PROMOTIONS = 5
# About so many calls are acknowledged before the next kill.
LOAD = 2000

SAFE = (
    "-h 127.0.0.1 -c logging_collector=off -c fsync=on -c full_page_writes=on "
    "-c synchronous_commit=on -c wal_level=replica -c hot_standby=on"
)
SYNCHRONOUS = "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'"


def start(folder: Path, **options: Any) -> Server:
    """A server that waits for the disk; its folder stays when it stops."""
    checksums = "-U postgres -A trust --data-checksums"
    return Server(base_dir=str(folder), postgres_args=SAFE, initdb_args=checksums, **options)


def prepare(server: Server, sabotage: str = "") -> Database:
    database = ready(server, "crash")
    with database.connect() as superuser:
        superuser.execute(TENANTS)
        superuser.execute("CREATE EXTENSION amcheck")
        superuser.execute(sabotage.encode())
    return database


def kill(server: Server) -> int:
    """End the postmaster and all its children at once.

    Returns:
        How many processes those were.
    """
    postmaster = server.child_process
    os.kill(postmaster.pid, signal.SIGSTOP)  # it starts no more
    listed = subprocess.run(
        ["pgrep", "-P", str(postmaster.pid)], capture_output=True, text=True, check=True
    )
    pids = [postmaster.pid, *map(int, listed.stdout.split())]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    postmaster.wait()
    wait_until(lambda: not any(map(_is_alive, pids)))
    server.child_process = None
    return len(pids)


def _is_alive(pid: int) -> bool:
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return state.strip()[:1] not in ("", "Z")


def corruption(database: Database) -> str:
    """What amcheck finds in every table and index, compared with each other."""
    port = str(database.server.settings["port"])
    where = ["-h", "127.0.0.1", "-p", port, "-U", "postgres", database.name]
    done = subprocess.run(
        ["pg_amcheck", "--heapallindexed", *where], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


def loaded(journal: Journal, load: int) -> None:
    """Wait until the clients have done about so much more."""
    end = journal.count() + load * random.uniform(0.5, 1.5)  # noqa: S311
    wait_until(lambda: journal.count() >= end, 300)


def figures(
    title: str, journal: Journal, faults: str, lost: list[str], corrupt: str
) -> Iterator[Figure]:
    kinds = ", ".join(f"{len(ids):,} {kind}s" for kind, ids in journal.acknowledged.items())
    interrupted = f"{journal.interruptions:,} calls cut off"
    attempts = f"{journal.attempts:,} messages tried; acknowledged: {kinds}"
    yield f"{title}: attempts", "reported only", attempts, True
    yield f"{title}: faults injected", "reported only", f"{faults}, {interrupted}", True
    seen = "; ".join([str(len(lost)), *lost[:3]])
    yield f"{title}: acknowledged and lost, or there twice", "0", seen, not lost
    yield f"{title}: amcheck", "finds nothing", corrupt or "nothing", not corrupt


def crashes(
    kills: int, load: int = LOAD, sabotage: str = "", picture: Path | None = None
) -> Iterator[Figure]:
    lost: list[str] = []
    corrupt = ""
    processes = 0
    marks: list[tuple[float, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        hand_over(folder)
        with start(Path(folder)) as server:
            database = prepare(server, sabotage)
            with Journal(lambda: database.conninfo("service_login")) as journal:
                for _ in range(kills):
                    loaded(journal, load)
                    processes += kill(server)
                    marks.append((journal.elapsed(), ""))
                    server.start()
                    lost += journal.lost(database)
                    corrupt += corruption(database)
            lost += journal.lost(database)
    if picture:
        from tests.trial import plot  # which the tests do not need

        plot.seconds(picture, "calls acknowledged", dict(journal.seconds), marks)
    faults = f"{kills} kills, {processes} processes"
    yield from figures("kill -9 of the server", journal, faults, lost, corrupt)


def attach(primary: Database, folder: Path) -> Database:
    """A standby by pg_basebackup, once the primary waits for it with each commit."""
    folder.mkdir()
    hand_over(folder)
    backup = ["pg_basebackup", "-R", "-c", "fast", "-D", f"{folder}/data", "-d"]
    command = as_unprivileged([*backup, primary.conninfo()])
    subprocess.run(command, check=True, capture_output=True, cwd="/")
    (folder / "tmp").mkdir()
    hand_over(folder / "tmp")
    standby = start(folder, auto_start=1)
    with primary.connect() as superuser:
        superuser.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        superuser.execute("SELECT pg_reload_conf()")
        wait_until(lambda: superuser.execute(SYNCHRONOUS).rowcount)
    return Database(standby, primary.name)


def promotions(times: int, load: int = LOAD) -> Iterator[Figure]:
    lost: list[str] = []
    corrupt = ""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        hand_over(folder)
        first = Path(folder, "0")
        first.mkdir()
        hand_over(first)
        primary = prepare(stack.enter_context(start(first)))
        with Journal(lambda: primary.conninfo("service_login")) as journal:
            for number in range(1, times + 1):
                standby = attach(primary, Path(folder, str(number)))
                stack.enter_context(standby.server)
                loaded(journal, load)
                kill(primary.server)
                with standby.connect() as superuser:
                    superuser.execute("SELECT pg_promote()")
                primary = standby
                lost += journal.lost(primary)
                corrupt += corruption(primary)
            with primary.connect() as superuser:  # lets go of who waits for the next standby
                superuser.execute("ALTER SYSTEM RESET synchronous_standby_names")
                superuser.execute("SELECT pg_reload_conf()")
        lost += journal.lost(primary)
    title = "a synchronous standby promoted"
    yield from figures(title, journal, f"{times} primaries killed", lost, corrupt)


def campaign(minutes: float, picture: Path | None = None) -> Iterator[Figure]:
    """As many kills and promotions as belong to half an hour, or fewer; the picture is an SVG."""
    yield from crashes(max(1, round(KILLS * minutes / 30)), picture=picture)
    yield from promotions(max(1, round(PROMOTIONS * minutes / 30)))
