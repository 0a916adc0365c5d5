"""The campaign of kills: deploys and reverts end by kill -9 anywhere, and are run again."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from tests.conftest import HOST, Database, dump
from tests.trial.report import Figure
from tools.server import DEPLOYER, Server, sqitch, sqitch_command

DEPLOY = ("deploy", "--no-verify")
REVERT = ("revert", "-y", "--set", "messages=discard")

# One hundred messages between users that the host has already.
MESSAGES = """
INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT u.tenant_id, u.id, u.id, s.id, 'Hello'
FROM users AS u
INNER JOIN LATERAL (SELECT id FROM skills AS s WHERE s.tenant_id = u.tenant_id LIMIT 1) AS s ON true
"""


def run(database: Database, command: tuple[str, ...]) -> float:
    """Run it to its end.

    Returns:
        Seconds.

    Raises:
        RuntimeError: It failed; the text is what it printed.
    """
    begun = time.monotonic()
    done = sqitch(command[0], database.target, *command[1:])
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return time.monotonic() - begun


def kill(database: Database, command: tuple[str, ...], after: float) -> bool:
    """Kill Sqitch and psql after so many seconds; the server notices when it will.

    Returns:
        Whether they were still at work.
    """
    with subprocess.Popen(
        **sqitch_command(command[0], database.target, *command[1:]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        time.sleep(after)
        at_work = process.poll() is None
        if at_work:
            os.killpg(process.pid, signal.SIGKILL)
    return at_work


def changes(connection: psycopg.Connection[Any]) -> int:
    rows: int = connection.execute("SELECT FROM sqitch.changes").rowcount
    return rows


def again(database: Database, command: tuple[str, ...]) -> bool:
    """Run it once more, as the guide says.

    Returns:
        Whether Sqitch's own registry had to go first: it was killed while it made it.
    """
    try:
        run(database, command)
    except RuntimeError:
        with database.connect(DEPLOYER) as connection:
            made = "SELECT to_regclass('sqitch.changes') IS NOT NULL"
            if connection.execute(made).fetchone() == (True,) and changes(connection):
                raise
            connection.execute("DROP SCHEMA IF EXISTS sqitch CASCADE")
        run(database, command)
        return True
    return False


def campaign(kills: int) -> Iterator[Figure]:
    """As many kills on each of four: a deploy and a revert, an empty database and a host's.

    Raises:
        RuntimeError: A run after a kill failed; the text is what it printed.
    """
    random_ = random.Random(18)  # noqa: S311
    for kind, setup in (("an empty database", ""), ("a host's database with messages", HOST)):
        with Server() as server:
            database = Database(server, "trial")
            server.create_database(database.name)
            with database.connect(DEPLOYER) as connection:
                connection.execute(setup.encode())
            untouched = dump(database)
            seconds = run(database, DEPLOY)
            deployed = dump(database)
            run(database, REVERT)
            for command, there, back, end in (
                (DEPLOY, None, REVERT, deployed),
                (REVERT, DEPLOY, None, untouched),
            ):
                caught = registries = 0
                wrong: list[str] = []
                while caught < kills:
                    if there:
                        run(database, there)
                        fill(database, bool(setup))
                    delay = random_.uniform(0, seconds)
                    if kill(database, command, delay):
                        caught += 1
                        registries += again(database, command)
                        if dump(database) != end:
                            wrong.append(f"{delay:.2f} s")
                    if back:
                        run(database, back)
                yield (
                    f"{command[0]} of {kind}, killed {kills} times, run again",
                    "the same dump each time",
                    f"{kills - len(wrong)} the same"
                    + (f"; registry made anew: {registries}" if registries else ""),
                    not wrong,
                )


def fill(database: Database, has_users: bool) -> None:
    if has_users:
        with database.connect() as connection, connection.transaction():
            connection.execute("ALTER TABLE skill_messages NO FORCE ROW LEVEL SECURITY")
            connection.execute(MESSAGES.encode())
            connection.execute("ALTER TABLE skill_messages FORCE ROW LEVEL SECURITY")
