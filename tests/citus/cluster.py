"""Databases on a Citus cluster that somebody else runs.

The environment variable CITUS_URL names its coordinator, as a superuser. Nothing is started here:
without the variable, what needs a cluster skips, and says so. Roles belong to a whole cluster, so
they are made once and stay.
"""

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tools.server import DEPLOYER, ROOT, sqitch_command

CITUS_URL = os.environ.get("CITUS_URL", "")
PROJECT = ROOT / "sql" / "citus"

needs_citus = pytest.mark.skipif(not CITUS_URL, reason="CITUS_URL names no Citus coordinator")

# Who logs in, and as what. The role of the package comes with its first deploy.
LOGINS = {
    "app_login": "skill_messages_app",
    "service_login": "skill_messages_service",
    "retention_login": "skill_messages_retention",
}


@dataclass(frozen=True)
class Node:
    """One server of the cluster, as its superuser reaches it."""

    host: str
    port: int
    user: str
    password: str | None = None

    def conninfo(self, dbname: str, user: str | None = None) -> str:
        password = self.password if user in (None, self.user) else None
        return make_conninfo(
            host=self.host, port=self.port, dbname=dbname, user=user or self.user, password=password
        )

    def execute(self, dbname: str, statement: str | sql.Composed, *values: Any) -> list[Any]:
        """Run it there, and return its rows."""
        query = statement.encode() if isinstance(statement, str) else statement
        with psycopg.connect(self.conninfo(dbname), autocommit=True) as connection:
            done = connection.execute(query, values or None)
            return done.fetchall() if done.description else []


class CitusDatabase:
    """A database on all nodes; reached, as a ``Database`` of the tests is, on the coordinator."""

    def __init__(self, name: str, url: str = CITUS_URL) -> None:
        known: Any = conninfo_to_dict(url)
        self.name = name
        self.home = known.get("dbname", "postgres")
        self.coordinator = Node(
            known["host"], int(known.get("port", 5432)), known["user"], known.get("password")
        )

    @cached_property
    def workers(self) -> list[Node]:
        """As the database that CITUS_URL names knows them."""
        query = "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid > 0 ORDER BY nodeport"
        superuser = self.coordinator.user, self.coordinator.password
        return [
            Node(host, port, *superuser)
            for host, port in self.coordinator.execute(self.home, query)
        ]

    @property
    def nodes(self) -> list[Node]:
        return [self.coordinator, *self.workers]

    def conninfo(self, user: str | None = None) -> str:
        return self.coordinator.conninfo(self.name, user)

    def connect(self, user: str | None = None, **options: Any) -> psycopg.Connection[Any]:
        """A connection to the coordinator, in autocommit mode unless said otherwise."""
        options.setdefault("autocommit", True)
        return psycopg.connect(self.conninfo(user), **options)

    def url(self, user: str | None = None) -> str:
        """For programs that take no other form of it."""
        node = self.coordinator
        return f"postgresql://{user or node.user}@{node.host}:{node.port}/{self.name}"

    def target(self, user: str = DEPLOYER) -> str:
        """The database as a Sqitch target."""
        return "db:pg" + self.url(user).removeprefix("postgresql")

    def create(self) -> None:
        """Make it on every node, with the extension, and tell the coordinator of the workers."""
        self.drop()
        # From there Citus makes it on the workers.
        if not self._knows(DEPLOYER):
            self.coordinator.execute(self.home, f"CREATE ROLE {DEPLOYER} LOGIN CREATEROLE")
        for node in self.nodes:
            node.execute(
                self.home,
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    *map(sql.Identifier, (self.name, DEPLOYER))
                ),
            )
            node.execute(self.name, "CREATE EXTENSION citus")
        here = self.coordinator
        here.execute(self.name, "SELECT citus_set_coordinator_host(%s, %s)", here.host, here.port)
        for node in self.workers:
            here.execute(self.name, "SELECT citus_add_node(%s, %s)", node.host, node.port)

    def drop(self) -> None:
        for node in self.nodes:
            node.execute(
                self.home,
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                    sql.Identifier(self.name)
                ),
            )

    def deploy_base(self) -> None:
        """The schema, on the coordinator alone, as a role that is no superuser; the logins."""
        _succeeded(self.sqitch_base("deploy", "--verify"))
        for login, role in LOGINS.items():
            if not self._knows(login):
                create = f"CREATE ROLE {login} LOGIN IN ROLE {role}"
                options = "-c citus.enable_ddl_propagation=off"
                with self.connect(options=options) as superuser:
                    superuser.execute(create.encode())

    def _knows(self, role: str) -> bool:
        query = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        return bool(self.coordinator.execute(self.home, query, role))

    def sqitch(
        self, command: str, *options: str, patience: str = "5min"
    ) -> subprocess.CompletedProcess[str]:
        """Run Sqitch on the project for Citus, as the superuser, whatever comes of it."""
        target = self.target(self.coordinator.user)
        return _run_sqitch(
            PROJECT, f"-c skill_messages.patience={patience}", command, target, *options
        )

    def sqitch_base(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """On the base schema, as its owner. Citus would make each of its objects on the workers."""
        setting = "-c citus.enable_ddl_propagation=off"
        return _run_sqitch(ROOT, setting, command, self.target(), *options)

    def psql(self, script: str) -> None:
        """Run a script of the project for Citus."""
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", str(PROJECT / script)]
        _succeeded(
            subprocess.run([*command, self.conninfo()], capture_output=True, text=True, check=False)
        )

    def distribute(self) -> None:
        """Deploy and verify the project for Citus."""
        _succeeded(self.sqitch("deploy", "--verify"))

    def shards(self, table: str = "skill_messages") -> list[tuple[str, Node]]:
        """The shards of a table: their names, and where they are."""
        query = """
            SELECT shard_name, nodename, nodeport FROM citus_shards
            WHERE table_name = %s::regclass ORDER BY shard_name
        """
        by_port = {(node.host, node.port): node for node in self.nodes}
        return [
            (name, by_port[host, port])
            for name, host, port in self.coordinator.execute(self.name, query, table)
        ]


def _run_sqitch(project: Path, settings: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    called = sqitch_command(*arguments)
    called |= {"cwd": project, "env": called["env"] | {"PGOPTIONS": settings}}
    return subprocess.run(**called, capture_output=True, text=True, check=False)


def _succeeded(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
