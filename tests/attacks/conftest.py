"""Who attacks, what is attacked, and all that an attacker is told."""

# ruff: noqa: S608
# These statements are attacks, put together on purpose.

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import Diagnostic
from typing_extensions import LiteralString

from tests.conftest import TENANTS, Database
from tools.server import DEPLOYER, ROOT, Server

LOGINS: dict[str, LiteralString] = {
    "both_login": "LOGIN IN ROLE skill_messages_app, skill_messages_service",
    "owner_login": f"LOGIN IN ROLE {DEPLOYER}, skill_messages_service",
    "nobody_login": "LOGIN",
}

# Whatever is not for the attackers, who act for acme and there as Ann, is called a secret. Often
# enough for the statistics of the planner to know it.
MESSAGES: LiteralString = """
INSERT INTO tenants SELECT 'tenant' || n, 'Secret tenant' FROM generate_series(1, 60) AS n;
INSERT INTO users SELECT 'gus' || n, 'globex', 'Secret Gus' FROM generate_series(1, 60) AS n;
INSERT INTO users SELECT 'ann' || n, 'acme', 'Ann ' || n FROM generate_series(1, 60) AS n;
INSERT INTO skills SELECT 'welding' || n, 'globex', 'Secret skill' FROM generate_series(1, 60) AS n;
INSERT INTO skills SELECT 'sql' || n, 'acme', 'SQL ' || n FROM generate_series(1, 60) AS n;
INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
VALUES
    ('a1', 'acme', 'ann', 'bob', 'sql', 'Ann to Bob'),
    ('a2', 'acme', 'bob', 'cy', 'sql', 'Secret of Bob and Cy'),
    ('a3', 'acme', 'bob', 'ann', 'sql', 'Bob to Ann'),
    ('g1', 'globex', 'gus', 'ida', 'welding', 'Secret of Globex');
INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT 'g1-' || n, 'globex', 'gus', 'ida', 'welding', 'Secret of Globex'
FROM generate_series(1, 60) AS n;
ANALYZE;
"""

HIDDEN = "Secret"


@dataclass(frozen=True)
class Actor:
    """A login, and the user of acme that it acts for."""

    login: str
    user: str = ""


ACTORS = {
    "service": Actor("service_login"),
    "app": Actor("app_login", "ann"),
    "both": Actor("both_login", "ann"),
    "owner": Actor(DEPLOYER),
    "owner and service": Actor("owner_login"),
    "retention": Actor("retention_login"),
    "nobody": Actor("nobody_login"),
}


@dataclass(frozen=True)
class Answer:
    """What a statement came to: its SQLSTATE if it failed, and all that the client was told."""

    sqlstate: str | None
    told: str


class Attacker:
    """Tries statements, each in a savepoint of its own, and collects what it is told."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._notices: list[str] = []
        connection.add_notice_handler(lambda notice: self._notices.append(_all_of(notice)))

    def tries(self, statement: str, parameters: Sequence[object] | None = None) -> Answer:
        self._notices.clear()
        sqlstate = None
        try:
            with self.connection.transaction():
                done = self.connection.execute(statement.encode(), parameters)
                told = repr(done.fetchall()) if done.description else str(done.statusmessage)
        except psycopg.Error as error:
            sqlstate, told = error.sqlstate, _all_of(error.diag)
        return Answer(sqlstate, "\n".join([*self._notices, told]))


def _all_of(diagnostic: Diagnostic) -> str:
    names = [name for name in dir(Diagnostic) if not name.startswith(("_", "source_"))]
    told = "\n".join(str(getattr(diagnostic, name)) for name in names)
    # On a cluster: which of its shards answered is what the id alone decides.
    return re.sub(r"(\b(?:skill_messages|users|skills|tenants)_|127\.0\.0\.1:)\d+", r"\1", told)


@contextmanager
def acting(
    database: Database, actor: str | Actor, tenant: str = "acme", **options: Any
) -> Iterator[Attacker]:
    """A transaction on behalf of a tenant, undone in the end.

    The context comes from SET LOCAL: everybody may, and it reaches every node of a cluster.
    """
    actor = ACTORS[actor] if isinstance(actor, str) else actor
    with (
        database.connect(actor.login, **options) as connection,
        connection.transaction(force_rollback=True),
    ):
        for name, value in ("tenant", tenant), ("user", actor.user):
            setting = sql.SQL("SET LOCAL {} = {}").format(
                sql.Identifier("app", f"current_{name}_id"), value
            )
            connection.execute(setting)
        yield Attacker(connection)


@contextmanager
def tampering(database: Database, *statements: str) -> Iterator[Attacker]:
    """The deploying role, after a superuser did this; undone in the end."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute(f"SET LOCAL ROLE {DEPLOYER}".encode())
        yield Attacker(connection)


def verify(attacker: Attacker, change: str) -> Answer:
    """Run a verify script within the transaction that is open."""
    script = (ROOT / f"verify/{change}.sql").read_text()
    return attacker.tries(script.replace("\nBEGIN;\n", "\n").replace("\nROLLBACK;\n", "\n"))


def make_logins(superuser: psycopg.Connection[Any]) -> None:
    """Where they are not there yet: roles are of a whole server."""
    known = {name for (name,) in superuser.execute("SELECT rolname FROM pg_roles")}
    for name in LOGINS.keys() - known:
        superuser.execute(f"CREATE ROLE {name} {LOGINS[name]}".encode())


@pytest.fixture(scope="session")
def attacked(server: Server, template: str) -> Iterator[Database]:
    database = Database(server, "attacked")
    server.create_database(database.name, template)
    with database.connect() as connection:
        make_logins(connection)
        connection.execute(TENANTS)
        connection.execute(MESSAGES)
    yield database
    server.drop_database(database.name)


@pytest.fixture(scope="session")
def watcher(attacked: Database) -> Iterator[psycopg.Connection[Any]]:
    with attacked.connect() as superuser:
        yield superuser


@pytest.fixture
def victim(attacked: Database, watcher: psycopg.Connection[Any]) -> Iterator[Database]:
    """A database with messages of two tenants, the same for all tests: it may not be changed."""
    before = rows(watcher)
    yield attacked
    assert rows(watcher) == before


def rows(connection: psycopg.Connection[Any]) -> list[Any]:
    tables = ("tenants", "users", "skills", "skill_messages")
    query = " UNION ALL ".join(f"SELECT t::text FROM {table} AS t" for table in tables)
    return sorted(connection.execute(query.encode()).fetchall())
