"""`dev`: a throw-away server with the schema, the demo's tenants and a login for each role."""

import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click
import psycopg

from . import project
from .guide import guide, story
from .home import finish, home, scratch_folder
from .programs import find_programs, reachable
from .server import PORT, initialize, started

# The superuser, postgres, cannot log in: on a machine of many users that would give away more than
# demo data.
ACCESS = """\
# For development only: no passwords.
host skill_messages owner,app_login,service_login,retention_login 127.0.0.1/32 trust
"""

STATEMENTS = """\
CREATE ROLE owner LOGIN CREATEROLE;
CREATE DATABASE skill_messages OWNER owner;
"""

LOGINS = """
CREATE ROLE app_login LOGIN IN ROLE skill_messages_app;
CREATE ROLE service_login LOGIN IN ROLE skill_messages_service;
CREATE ROLE retention_login LOGIN IN ROLE skill_messages_retention;
GRANT skill_messages_service TO owner;
"""


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help=f"Default: {PORT}, or a free one if it is taken."
)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the data in this folder, and start from it next time.",
)
@click.option(
    "--pgbin",
    metavar="DIR",
    envvar="PGBIN",
    type=click.Path(path_type=Path),
    help="The folder of a server's programs. Default: $PGBIN, or the server that "
    "skill-messages[dev] brings, or one that is installed.",
)
def dev(port: int | None, keep: Path | None, pgbin: Path | None) -> None:
    """Start a PostgreSQL with the schema and demo data.

    There is a login for each role; what to paste in another terminal is printed. It listens on
    127.0.0.1 without passwords: for development only. Ctrl-C stops it.

    \b
    Examples:
      python -m skill_messages dev
      python -m skill_messages dev --keep ./data --port 5433
      python -m skill_messages dev --pgbin /usr/lib/postgresql/17/bin
    """
    with signals() as stop, scratch_folder() as scratch:
        found = find_programs(pgbin)
        programs, major = reachable(found, scratch)
        with home(keep, scratch, major) as (data, fresh):
            if fresh:
                initialize(programs, data, ACCESS, STATEMENTS)
            log = scratch / "log"
            fsync = "on" if keep else "off"
            with started(programs, data, log, port, fsync) as server:
                url = f"postgresql://{{}}@127.0.0.1:{server.port}/skill_messages"
                if fresh:
                    load(url)
                    finish(data)
                if not stop:
                    click.echo(
                        f"PostgreSQL {major} ({found}) listens on 127.0.0.1, port {server.port}."
                    )
                    click.echo(f"Its log: {log}\n")
                    click.echo(story(url) if fresh else f"The data of {keep} are as you left them.")
                    click.echo(guide(url, found))
                while not stop:
                    server.check()
                    time.sleep(0.1)
    click.echo(f"Stopped. The data stay in {keep}." if keep else "Stopped. Nothing is left.")


@contextmanager
def signals() -> Generator[list[int]]:
    """What asks to stop, while this lasts: nothing is interrupted half-way."""
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)

    before: dict[signal.Signals, Any] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # nohup has SIGHUP ignored, for instance.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def load(url: str) -> None:
    """The schema, by the role that owns it and is no superuser; then logins and demo data."""
    with psycopg.connect(url.format("owner"), autocommit=True) as owner:
        owner.execute(project.one_file().read_bytes())
        owner.execute(LOGINS)
        owner.execute((project.root() / "sql" / "demo.sql").read_bytes())
