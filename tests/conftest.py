"""One server for the whole run, and a freshly deployed database for each test that asks for one."""

import asyncio
import contextlib
import inspect
import itertools
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
import pytest
from testing.common.database import get_unused_port
from typing_extensions import LiteralString

from skill_messages import AsyncSkillMessages, SkillMessages
from tools.server import DEPLOYER, ROOT, Server, as_unprivileged, deploy, hand_over

# Debian's pgTAP for one version loads into all that are supported.
PGTAP_FILES = "usr/share/postgresql/*/extension/pgtap--?.?.?.sql"

LOGIN_ROLES: LiteralString = """
CREATE ROLE app_login LOGIN IN ROLE skill_messages_app;
CREATE ROLE service_login LOGIN IN ROLE skill_messages_service;
CREATE ROLE retention_login LOGIN IN ROLE skill_messages_retention;
"""

TENANTS: LiteralString = """
INSERT INTO tenants VALUES ('acme', 'Acme'), ('globex', 'Globex');
INSERT INTO users VALUES
    ('ann', 'acme', 'Ann'), ('bob', 'acme', 'Bob'), ('cy', 'acme', 'Cy'), ('gus', 'globex', 'Gus'),
    ('ida', 'globex', 'Ida');
INSERT INTO skills VALUES
    ('sql', 'acme', 'SQL'), ('postgres', 'acme', 'PostgreSQL'), ('welding', 'globex', 'Welding');
"""


HOST: LiteralString = """
CREATE TABLE tenants (id text PRIMARY KEY, name text, plan text DEFAULT 'free');
CREATE TABLE users (id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenants, name text);
CREATE TABLE skills (id text PRIMARY KEY, tenant_id text NOT NULL, name text, body jsonb);
CREATE INDEX ON users (name);
ALTER TABLE skills ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON skills USING (true);
COMMENT ON TABLE users IS 'Ours';
INSERT INTO tenants SELECT 't' || n, 'Tenant ' || n FROM generate_series(1, 3) AS n;
INSERT INTO users SELECT 'u' || n, 't' || n % 3 + 1, 'User ' || n FROM generate_series(1, 99) AS n;
INSERT INTO skills SELECT 's' || n, 't' || n % 3 + 1, 'A skill' FROM generate_series(1, 99) AS n;
"""


@dataclass(frozen=True)
class Database:
    server: Server
    name: str

    def conninfo(self, user: str = "postgres") -> str:
        return self.server.conninfo(self.name, user)

    def connect(self, user: str = "postgres", **options: Any) -> psycopg.Connection[Any]:
        """A connection in autocommit mode unless said otherwise."""
        return psycopg.connect(self.conninfo(user), **{"autocommit": True, **options})

    def url(self, user: str) -> str:
        """For programs that take no other form of it."""
        return f"postgresql://{user}@127.0.0.1:{self.server.settings['port']}/{self.name}"

    @property
    def target(self) -> str:
        return self.server.target(self.name)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The schema, deployed by Sqitch as a role that is no superuser; pgTAP; login roles."""
    server.create_database("template_deployed")
    deploy(server.target("template_deployed"))
    with psycopg.connect(server.conninfo("template_deployed"), autocommit=True) as connection:
        connection.execute(LOGIN_ROLES)
        connection.execute("CREATE SCHEMA tap; GRANT USAGE ON SCHEMA tap TO public")
        if connection.execute("SELECT FROM pg_available_extensions WHERE name = 'pgtap'").rowcount:
            connection.execute("CREATE EXTENSION pgtap SCHEMA tap")
        else:
            connection.execute("SET search_path = tap, public")
            connection.execute(max(Path("/").glob(PGTAP_FILES)).read_bytes())
    return "template_deployed"


@pytest.fixture(scope="session")
def names() -> Iterator[str]:
    return (f"test_{number}" for number in itertools.count())


@pytest.fixture
def deployed(server: Server, template: str, names: Iterator[str]) -> Iterator[Database]:
    """A database with the schema and nothing in it."""
    database = Database(server, next(names))
    server.create_database(database.name, template)
    yield database
    server.drop_database(database.name)


@pytest.fixture
def database(deployed: Database) -> Database:
    """A database with two tenants."""
    with deployed.connect() as connection:
        connection.execute(TENANTS)
    return deployed


@pytest.fixture(scope="session")
def fresh_server() -> Iterator[Server]:
    """A server without the roles, which belong to a whole server."""
    with Server() as server:
        yield server


@pytest.fixture
def empty(fresh_server: Server, names: Iterator[str]) -> Iterator[Database]:
    database = Database(fresh_server, next(names))
    fresh_server.create_database(database.name)
    yield database
    fresh_server.drop_database(database.name)
    # Roles that the host has granted something stay; the next test expects none.
    with psycopg.connect(fresh_server.conninfo(), autocommit=True) as connection:
        for role in ("service", "app", "retention"):
            connection.execute(f"DROP ROLE IF EXISTS skill_messages_{role}".encode())


@pytest.fixture
def host(empty: Database) -> Database:
    """A host's database with its three tables, rows in them and more around them."""
    with empty.connect(DEPLOYER) as connection:
        connection.execute(HOST)
    return empty


def script(kind: str, change: str) -> str:
    """A script of a change, to be run within a transaction of one's own."""
    text = (ROOT / kind / f"{change}.sql").read_text()
    own = r"^(BEGIN|COMMIT|ROLLBACK|CALL skill_messages_private\.begin_change\(\));$|^\\.*$"
    return re.sub(own, "", text, flags=re.MULTILINE).replace(":'messages'", "''")


def dump(database: Database, *options: str) -> list[str]:
    """Schema and rows, less the (un)restrict lines, which carry a random key."""
    done = subprocess.run(
        ["pg_dump", "--exclude-schema=sqitch", *options, database.conninfo()],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if "restrict" not in line]


class Blocking:
    """Something asynchronous that blocks instead, so that one test serves both flavours."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: Any) -> None:
        self._loop = loop
        self._target = target

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._settle(attribute(*args, **kwargs))

    def __enter__(self) -> Any:
        return self._settle(self._target.__aenter__())

    def __exit__(self, *exc_info: object) -> Any:
        return self._settle(self._target.__aexit__(*exc_info))

    def _settle(self, result: Any) -> Any:
        if inspect.isasyncgen(result):
            return self._settle(_collected(result))
        if inspect.isawaitable(result) and not isinstance(
            result, contextlib.AbstractAsyncContextManager
        ):
            return self._settle(self._loop.run_until_complete(result))
        if isinstance(result, contextlib.AbstractAsyncContextManager):
            return Blocking(self._loop, result)
        return result


async def _collected(result: Any) -> list[Any]:
    return [item async for item in result]


@dataclass(frozen=True)
class Flavour:
    """How to connect, to make a client, to pool connections: sync or async, always blocking."""

    connect: Callable[..., Any]
    client: Callable[..., Any]
    pool: Callable[..., Any]


SYNC = Flavour(psycopg.connect, SkillMessages, psycopg_pool.ConnectionPool)


def asynchronous(loop: asyncio.AbstractEventLoop) -> Flavour:
    def connect(conninfo: str, **options: Any) -> Any:
        connecting = psycopg.AsyncConnection.connect(conninfo, **options)
        return Blocking(loop, loop.run_until_complete(connecting))

    def client(connection: Any, **context: Any) -> Any:
        return Blocking(loop, AsyncSkillMessages(connection._target, **context))

    def pool(conninfo: str, **options: Any) -> Any:
        async def create() -> Any:
            return psycopg_pool.AsyncConnectionPool(conninfo, **options)

        return Blocking(loop, loop.run_until_complete(create()))

    return Flavour(connect, client, pool)


@pytest.fixture(params=["sync", "async"])
def flavour(request: pytest.FixtureRequest) -> Iterator[Flavour]:
    if request.param == "sync":
        yield SYNC
        return
    loop = asyncio.new_event_loop()
    yield asynchronous(loop)
    loop.close()


@pytest.fixture
def pgbouncer(database: Database) -> Iterator[int]:
    """The port of a real PgBouncer in transaction mode, with one server connection."""
    with bouncer(database.server, "default_pool_size = 1") as port:
        yield port


@contextlib.contextmanager
def bouncer(server: Server, *settings: str, program: str = "pgbouncer") -> Iterator[int]:
    """The port of a real PgBouncer in transaction mode."""
    port = get_unused_port()
    with tempfile.TemporaryDirectory() as directory:
        hand_over(directory)
        users, config = Path(directory, "users.txt"), Path(directory, "pgbouncer.ini")
        users.write_text('"app_login" ""\n"service_login" ""\n')
        more = "\n".join(settings)
        config.write_text(f"""
            [databases]
            * = host=127.0.0.1 port={server.settings["port"]}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {users}
            pool_mode = transaction
            {more}
        """)
        command = as_unprivileged([program, "--quiet", str(config)])
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            wait_for_port(port, process)
            yield port
        finally:
            process.terminate()
            process.communicate()


def wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    for _ in range(100):
        if process.poll() is not None:
            raise RuntimeError(process.communicate()[1])
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Ask until it is so.

    Raises:
        TimeoutError: It was not within that time.
    """
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError("it did not come about")
