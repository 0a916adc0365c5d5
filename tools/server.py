"""A throw-away PostgreSQL server, and the schema deployed into it by the real Sqitch.

What the demo, the tests and the lint share.
"""

import os
import pwd
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import testing.postgresql
from psycopg import sql

from skill_messages.cli.programs import hand_over as hand_over
from skill_messages.cli.programs import unprivileged_user

ROOT = Path(__file__).resolve().parents[1]

# The programs of another version than the system's, clients and server alike; else Debian's newest:
# the psql that is on the PATH there is a wrapper in Perl, which takes three times as long.
debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
if bindir := os.environ.get("PGBIN") or "".join(map(str, debian[-1:])):
    os.environ["PATH"] = f"{bindir}:{os.environ['PATH']}"

# The deploying role of the tests owns what it deploys and is no superuser: FORCE must bind it.
DEPLOYER = "deployer"


def as_unprivileged(command: list[str]) -> list[str]:
    """A command for what takes no other form of it: root's is that of `unprivileged_user()`."""
    user = unprivileged_user()
    if user is None:
        return command
    account = pwd.getpwnam(user)
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, *command]


class Server(testing.postgresql.Postgresql):  # type: ignore[misc]
    """Starts on construction, on a free port of 127.0.0.1; use it as a context manager."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"boot_timeout": 60} | settings)

    def initialize_database(self) -> None:
        for path in (self.base_dir, *(f"{self.base_dir}/{name}" for name in self.subdirectories)):
            hand_over(path)
        options = ["-D", self.get_data_directory(), "-E", "UTF8", "--locale=C.UTF-8"]
        command = [self.initdb, *options, *self.settings["initdb_args"].split()]
        subprocess.run(as_unprivileged(command), check=True, capture_output=True, cwd="/")

    def get_server_commandline(self) -> list[str]:
        return as_unprivileged(super().get_server_commandline())

    def poststart(self) -> None:
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [DEPLOYER])
            if not known.rowcount:
                connection.execute(f"CREATE ROLE {DEPLOYER} LOGIN CREATEROLE")

    def conninfo(self, dbname: str = "postgres", user: str = "postgres") -> str:
        port = self.settings["port"]
        return f"host=127.0.0.1 port={port} dbname={dbname} user={user}"

    def target(self, dbname: str, user: str = DEPLOYER) -> str:
        """The database as a Sqitch target."""
        return f"db:pg://{user}@127.0.0.1:{self.settings['port']}/{dbname}"

    def create_database(self, dbname: str, template: str = "template1") -> None:
        """A database that belongs to the deploying role."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    *map(sql.Identifier, (dbname, DEPLOYER, template))
                )
            )

    def drop_database(self, dbname: str) -> None:
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(dbname))
            )


def sqitch_command(command: str, target: str, *options: str) -> dict[str, Any]:
    """Sqitch on this project, untouched by the configuration of whoever runs it, for Popen."""
    clean = {"SQITCH_SYSTEM_CONFIG": os.devnull, "SQITCH_USER_CONFIG": os.devnull}
    who = {"SQITCH_FULLNAME": "skill-messages", "SQITCH_EMAIL": "skill-messages@localhost"}
    return {
        "args": ["sqitch", command, *options, target],
        "cwd": ROOT,
        "env": os.environ | clean | who,
    }


def sqitch(command: str, target: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it, whatever comes of it."""
    return subprocess.run(
        **sqitch_command(command, target, *options), capture_output=True, text=True, check=False
    )


def deploy(target: str) -> str:
    """Deploy and verify every change.

    Raises:
        RuntimeError: Sqitch failed; the text is what it printed.
    """
    done = sqitch("deploy", target, "--verify")
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def pg_prove(
    server: Server, dbname: str, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run pgTAP files as a host's CI does, and print what each test says.

    Args:
        server: Where; as its superuser.
        dbname: The database.
        arguments: Further options of pg_prove, files and folders.
    """
    where = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.settings["port"]),
        "PGUSER": "postgres",
    }
    return subprocess.run(
        ["pg_prove", "--verbose", "--recurse", "--ext", ".sql", "-d", dbname, *map(str, arguments)],
        env=os.environ | where,
        capture_output=True,
        text=True,
        check=False,
    )
