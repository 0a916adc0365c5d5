"""The database's side of the state machine: sessions, statements, and all rows as a superuser sees.

The statements of actors name pg_catalog where they must not fall for what the actors plant.
"""

# ruff: noqa: S608
# Statements are put together here: the values are bound.

import json
import re
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import psycopg
from typing_extensions import LiteralString

from tests.conftest import Database
from tests.soak.model import FRESH, TENANT, Key, Message, Time, World, at, first_messages
from tests.soak.values import SKILLS, USERS
from tools.server import DEPLOYER

# everything() shows a session what a superuser would see within its transaction. spy() tells of the
# rows that PostgreSQL evaluates a condition on, whether they come back or not.
WATCHERS: LiteralString = f"""
DO $$
BEGIN
    IF to_regrole('soak_nobody') IS NULL THEN
        CREATE ROLE soak_both LOGIN IN ROLE skill_messages_app, skill_messages_service;
        CREATE ROLE soak_owner LOGIN IN ROLE {DEPLOYER}, skill_messages_service;
        CREATE ROLE soak_nobody LOGIN;
    END IF;
END;
$$;
CREATE SCHEMA soak;
GRANT USAGE ON SCHEMA soak TO public;
CREATE FUNCTION soak.everything() RETURNS SETOF public.skill_messages
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET row_security = off
AS 'SELECT * FROM public.skill_messages';
CREATE FUNCTION soak.hosts() RETURNS TABLE (kind text, tenant_id text, id text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'users', u.tenant_id, u.id FROM public.users AS u
    UNION ALL
    SELECT 'skills', s.tenant_id, s.id FROM public.skills AS s
$$;
CREATE FUNCTION soak.spy(tenant_id text, id text) RETURNS boolean
LANGUAGE plpgsql COST 0.0001 SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RAISE NOTICE 'saw %', json_build_array(tenant_id, id); RETURN true; END $$;
"""


EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Actor(NamedTuple):
    login: str
    member_of: tuple[str, ...]
    default: str = ""

    @property
    def options(self) -> str:
        return f"-c {TENANT}={self.default}" if self.default else ""


SERVICE, APP = "skill_messages_service", "skill_messages_app"
ACTORS = {
    "service": Actor("service_login", (SERVICE,)),
    "app": Actor("app_login", (APP,)),
    "both": Actor("soak_both", (APP, SERVICE)),
    "retention": Actor("retention_login", ("skill_messages_retention",)),
    "owner": Actor(DEPLOYER, (DEPLOYER,)),
    "owner and service": Actor("soak_owner", (DEPLOYER, SERVICE)),
    "nobody": Actor("soak_nobody", ()),
    "service with a default": Actor("service_login", (SERVICE,), "acme"),
    "app with a default": Actor("app_login", (APP,), "globex"),
}


@dataclass(frozen=True)
class Given:
    """A time as an argument: PostgreSQL's word for it, or microseconds since 1970."""

    literal: str
    at: float

    @classmethod
    def of(cls, time: Time) -> "Given":
        return cls((EPOCH + timedelta(microseconds=time.low)).isoformat(), time.low)


@dataclass(frozen=True)
class Age:
    literal: str


@dataclass(frozen=True)
class Batch:
    elements: Any


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def is_sendable(text: str) -> bool:
    """What UTF-8 and PostgreSQL can hold."""
    return "\x00" not in text and not re.search("[\ud800-\udfff]", text)


@dataclass
class Statement:
    """SQL whose {} are values. A text that cannot be one is sent as bytes, past the driver."""

    sql: str
    values: tuple[Any, ...] = ()
    bound: str = field(init=False)
    parameters: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.values:
            self.bound = self.sql.replace("%", "%%")
            return
        first, *parts = self.sql.split("{}")
        pairs = zip(self.values, parts, strict=True)
        self.bound = first + "".join(self._bind(value) + part for value, part in pairs)

    def _bind(self, value: Any) -> str:
        if isinstance(value, list):
            return f"ARRAY[{', '.join(map(self._bind, value))}]::pg_catalog.text[]"
        cast = ""
        if isinstance(value, str):
            cast = "::pg_catalog.text"
            if not is_sendable(value):
                self.parameters.append(value.encode(errors="surrogatepass"))
                return "pg_catalog.convert_from(%s::pg_catalog.bytea, 'UTF8')"
        elif isinstance(value, Given):
            value, cast = value.literal, "::pg_catalog.timestamptz"
        elif isinstance(value, Age):
            value, cast = value.literal, "::pg_catalog.interval"
        elif isinstance(value, Batch):
            value, cast = json.dumps(value.elements), "::pg_catalog.jsonb"
        self.parameters.append(value)
        return "%s" + cast

    @property
    def is_sendable(self) -> bool:
        return "convert_from" not in self.bound and not any(
            isinstance(value, Batch) and not is_sendable(repr_of(value.elements))
            for value in self.values
        )


def repr_of(elements: Any) -> str:
    """All texts in it, one after the other."""
    if isinstance(elements, dict):
        return "".join(map(repr_of, [*elements, *elements.values()]))
    return "".join(map(repr_of, elements)) if isinstance(elements, list) else str(elements)


@dataclass
class Answer:
    columns: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    count: int = 0
    error: psycopg.Error | None = None
    seen: list[Key] = field(default_factory=list)


class Connection:
    def __init__(self, database: Database, actor: Actor) -> None:
        self.psycopg = database.connect(actor.login, prepare_threshold=None, options=actor.options)
        self.psycopg.add_notice_handler(self._hear)
        self._notices: list[str] = []

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        self._notices.append(notice.message_primary or "")

    def run(self, statement: Statement) -> Answer:
        self._notices.clear()
        answer = Answer()
        try:
            cursor = self.psycopg.cursor(binary=True)
            cursor.execute(statement.bound.encode(), statement.parameters)
            answer.count = cursor.rowcount
            if cursor.description:
                answer.columns = tuple(column.name for column in cursor.description)
                answer.rows = cursor.fetchall()
        except psycopg.Error as error:
            answer.error = error
        saw = (text.removeprefix("saw ") for text in self._notices if text.startswith("saw "))
        answer.seen = [(tenant, key) for tenant, key in map(json.loads, saw)]
        return answer

    def tell(self, command: str) -> Any:
        """What must succeed; several statements give the first row of the last one."""
        cursor = self.psycopg.execute(command.encode())
        while cursor.nextset():
            pass
        return cursor.fetchone() if cursor.description else None

    def messages(self) -> list[Message]:
        cursor = self.psycopg.cursor(binary=True)
        rows = cursor.execute("SELECT * FROM soak.everything()").fetchall()
        return [Message(*row[:8], *map(time_of, row[8:])) for row in rows]

    def hosts(self) -> set[tuple[str, ...]]:
        return set(self.psycopg.execute("SELECT * FROM soak.hosts()").fetchall())


def time_of(value: datetime | None) -> Any:
    return None if value is None else at(microseconds(value))


def hosts_of(world: World) -> set[tuple[str, ...]]:
    return {("users", *key) for key in world.users} | {("skills", *key) for key in world.skills}


def settle(world: World, found: list[Message]) -> dict[str, str]:
    """Compare all rows, and let the model learn the times and ids that the database chose.

    Raises:
        AssertionError: There is a difference.
    """
    stored = {message.key: message for message in found}
    assert len(stored) == len(found), "two rows have one key"
    learnt = {}
    for key, expected in list(world.messages.items()):
        if key[1].startswith(FRESH):
            known = world.messages.keys()
            twins = [m for k, m in stored.items() if k not in known and is_as(expected, m, "id")]
            assert twins, f"not stored: {expected}"
            del world.messages[key]
            learnt[key[1]] = twins[0].id
            world.store(twins[0])
        elif expected != stored.get(key):
            assert key in stored, f"not stored: {expected}"
            assert is_as(expected, stored[key]), f"stored {stored[key]}, not {expected}"
            world.store(stored[key])
    assert stored.keys() <= world.messages.keys(), (
        f"stored, and should not be: {stored.keys() - world.messages.keys()}"
    )
    return learnt


def is_as(expected: Message, found: Message, *but: str) -> bool:
    """The same row, with times that the model gives bounds for."""
    return all(
        is_equal(getattr(expected, name), getattr(found, name))
        for name in Message.__dataclass_fields__
        if name not in but
    )


def is_equal(expected: object, found: Any) -> bool:
    if isinstance(found, datetime):
        found = time_of(found)
    if isinstance(expected, Time) and isinstance(found, Time):
        return expected.low <= found.low <= expected.high and found.low % 1000 == 0
    return bool(expected == found)


RESET = "\n".join(
    [
        "SET session_replication_role = replica;",
        "DELETE FROM skill_messages; DELETE FROM users; DELETE FROM skills; DELETE FROM tenants;",
    ]
)


def reset(superuser: psycopg.Connection[Any]) -> None:
    """The hosts' rows as they were; no messages."""
    superuser.execute(RESET)
    cursor = superuser.cursor()
    tenants = [(tenant, f"Name of {tenant}") for tenant in USERS]
    cursor.executemany("INSERT INTO tenants VALUES (%s, %s)", tenants)
    for table, of in (("users", USERS), ("skills", SKILLS)):
        rows = [(name, tenant, f"{name} of {tenant}") for tenant in of for name in of[tenant]]
        cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s, %s)".encode(), rows)
    columns = [field.name for field in fields(Message)]
    for message in first_messages().values():
        values = [getattr(message, column) for column in columns]
        values = [Given.of(v).literal if isinstance(v, Time) else v for v in values]
        cursor.execute(
            f"INSERT INTO skill_messages VALUES ({', '.join(['%s'] * len(columns))})".encode(),
            values,
        )
