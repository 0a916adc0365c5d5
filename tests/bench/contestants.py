"""The contestants: the same operations, done in different ways.

Each takes a connection of its own and does one operation per call, answer fetched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from datetime import datetime, timezone
from typing import Any, Literal, Protocol, cast
from uuid import uuid4

import psycopg
import sqlalchemy as sa
from sqlalchemy import orm
from typing_extensions import LiteralString

from skill_messages import Message, SkillMessages
from skill_messages.models import token
from tests.bench.data import COLUMNS, Proposal, Received, User

Column = Literal["to_user_id", "from_user_id"]

PAGE = 50
WRITTEN = ", ".join(field.name for field in fields(Proposal))
ARRAYS = ", ".join(["%s::text[]"] * len(fields(Proposal)))
INSERT: LiteralString = """
INSERT INTO skill_messages (
    tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message
) VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""


@dataclass(frozen=True)
class Position:
    """The last row of some page, and how many rows came up to it."""

    created_at: datetime
    id: str
    rows: int


@dataclass(frozen=True)
class Skill:
    id: str
    tenant_id: str


class Contestant(Protocol):
    connection: psycopg.Connection[Any]

    def send(self, proposal: Proposal) -> object: ...
    def send_batch(self, proposals: list[Proposal]) -> object: ...
    def page(
        self, user: User, after: Position | None = None, column: Column = "to_user_id"
    ) -> Sequence[str]: ...
    def unread(self, user: User, at_most: int | None = None) -> int: ...
    def mark_read(self, message: Received) -> object: ...
    def accept(self, message: Received) -> object: ...
    def delete_skill(self, skill: Skill) -> object: ...


class Limit:
    """The bare statement: autocommit, prepared, superuser; no policies and no functions.

    It names the tenant and sorts as ours does, since the indexes are the same.
    """

    scope = "tenant_id = %s AND"
    newest_first = 'created_at DESC, id COLLATE "C" DESC'
    before = '(created_at, id COLLATE "C") < (%s, %s)'
    insert: LiteralString = INSERT

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def run(self, _tenant_id: str, query: str, *parameters: object) -> list[Any]:
        cursor = self.connection.execute(query.encode(), parameters, prepare=True)
        return cursor.fetchall() if cursor.description else []

    def where(self, tenant_id: str, query: str, *parameters: object) -> list[Any]:
        """With its WHERE narrowed to the tenant, for whom no policy does that."""
        own = (tenant_id,) if self.scope else ()
        return self.run(tenant_id, query.replace("WHERE", f"WHERE {self.scope}"), *own, *parameters)

    def send(self, proposal: Proposal) -> object:
        return self.run(proposal.tenant_id, self.insert, *astuple(proposal))

    def send_batch(self, proposals: list[Proposal]) -> object:
        columns = [list(column) for column in zip(*map(astuple, proposals), strict=True)]
        query = (
            f"INSERT INTO skill_messages ({WRITTEN}) SELECT * FROM unnest({ARRAYS}) RETURNING id"  # noqa: S608
        )
        return self.run(proposals[0].tenant_id, query, *columns)

    def page(
        self, user: User, after: Position | None = None, column: Column = "to_user_id"
    ) -> Sequence[str]:
        rows = self.where(
            user.tenant_id,
            f"SELECT {COLUMNS} FROM skill_messages"  # noqa: S608
            f" WHERE {column} = %s {f'AND {self.before}' if after else ''}"
            f" ORDER BY {self.newest_first} LIMIT {PAGE}",
            user.id,
            *((after.created_at, after.id) if after else ()),
        )
        return [row[0] for row in rows]

    def unread(self, user: User, at_most: int | None = None) -> int:
        count: int = self.where(
            user.tenant_id,
            "SELECT count(*) FROM (SELECT FROM skill_messages WHERE to_user_id = %s"  # noqa: S608
            f" AND read_at IS NULL {f'LIMIT {at_most}' if at_most else ''}) AS unread",
            user.id,
        )[0][0]
        return count

    def mark_read(self, message: Received) -> object:
        return self.where(
            message.to.tenant_id,
            "UPDATE skill_messages SET read_at = now() WHERE id = %s RETURNING read_at",
            message.id,
        )

    def accept(self, message: Received) -> object:
        return self.where(
            message.to.tenant_id,
            "UPDATE skill_messages SET status = 'accepted', answered_at = now()"  # noqa: S608
            " WHERE id = %s AND status = 'pending'"
            f" RETURNING {COLUMNS}",
            message.id,
        )

    def delete_skill(self, skill: Skill) -> object:
        return self.where(skill.tenant_id, "DELETE FROM skills WHERE id = %s", skill.id)


class LimitWithOurIds(Limit):
    """The bare statement with ids that begin with the time, as ours do."""

    insert: LiteralString = INSERT.replace("(\n    tenant_id", "(\n    id, tenant_id").replace(
        "VALUES (", "VALUES (skill_messages_private.new_skill_message_id(), "
    )


class ByHand(Limit):
    """Such statements in a transaction that first sets the tenant: four round trips.

    A policy knows the tenant. It pages by OFFSET, and counts by fetching ids.
    """

    scope = ""

    def _set_tenant(self, tenant_id: str) -> None:
        query = "SELECT set_config('app.current_tenant_id', %s, true)"
        self.connection.execute(query, [tenant_id])

    def run(self, tenant_id: str, query: str, *parameters: object) -> list[Any]:
        with self.connection.transaction():
            self._set_tenant(tenant_id)
            cursor = self.connection.execute(query.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def send_batch(self, proposals: list[Proposal]) -> None:
        with self.connection.transaction():
            self._set_tenant(proposals[0].tenant_id)
            self.connection.cursor().executemany(INSERT, list(map(astuple, proposals)))

    def page(
        self, user: User, after: Position | None = None, column: Column = "to_user_id"
    ) -> Sequence[str]:
        rows = self.run(
            user.tenant_id,
            f"SELECT {COLUMNS} FROM skill_messages WHERE {column} = %s"  # noqa: S608
            f" ORDER BY created_at DESC, id DESC LIMIT {PAGE} OFFSET %s",
            user.id,
            after.rows if after else 0,
        )
        return [row[0] for row in rows]

    def unread(self, user: User, at_most: int | None = None) -> int:
        query = "SELECT id FROM skill_messages WHERE to_user_id = %s AND read_at IS NULL"
        ids = self.run(user.tenant_id, query, user.id)
        return len(ids[:at_most])


class Ours:
    """The Python package, on a connection of whichever role, prepared like the limit."""

    prepare = True

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def _of(self, user: User) -> SkillMessages:
        return SkillMessages(
            self.connection, tenant_id=user.tenant_id, user_id=user.id, prepare=self.prepare
        )

    def send(self, proposal: Proposal) -> object:
        return self._of(proposal.sender).send_skill_message(**proposal.content)

    def send_batch(self, proposals: list[Proposal]) -> object:
        messages = [proposal.content for proposal in proposals]
        return self._of(proposals[0].sender).send_skill_messages(messages)

    def page(
        self, user: User, after: Position | None = None, column: Column = "to_user_id"
    ) -> Sequence[str]:
        ours = self._of(user)
        read = ours.get_messages_for_user
        if column == "from_user_id":
            read = ours.get_messages_from_user
        before = token(cast("Message", after)) if after else None
        return [message.id for message in read(user.id, PAGE, before)]

    def unread(self, user: User, at_most: int | None = None) -> int:
        return self._of(user).get_unread_count_for_user(user.id, at_most)

    def mark_read(self, message: Received) -> object:
        return self._of(message.to).mark_message_read(message.id)

    def accept(self, message: Received) -> object:
        return self._of(message.to).update_message_status(message.id, "accepted")

    def delete_skill(self, skill: Skill) -> object:
        """What a host would write: the package has no such function."""
        return psycopg.ClientCursor(self.connection).execute(
            "SELECT public.set_skill_message_context(%s);"
            " DELETE FROM public.skills WHERE tenant_id = %s AND id = %s",
            [skill.tenant_id, skill.tenant_id, skill.id],
        )


class OursUnprepared(Ours):
    """As the package is used behind a pooler that knows nothing of prepared statements."""

    prepare = False


class Base(orm.DeclarativeBase):
    type_annotation_map = {str: sa.Text, datetime: sa.DateTime(timezone=True)}  # noqa: RUF012


class OrmSkill(Base):
    __tablename__ = "skills"
    id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    tenant_id: orm.Mapped[str]
    name: orm.Mapped[str]


class OrmMessage(Base):
    __tablename__ = "skill_messages"
    id: orm.Mapped[str] = orm.mapped_column(primary_key=True, default=lambda: str(uuid4()))
    tenant_id: orm.Mapped[str]
    from_user_id: orm.Mapped[str]
    to_user_id: orm.Mapped[str]
    subject_skill_id: orm.Mapped[str]
    proposed_parent_skill_id: orm.Mapped[str | None]
    message: orm.Mapped[str]
    status: orm.Mapped[str] = orm.mapped_column(server_default="pending")
    created_at: orm.Mapped[datetime] = orm.mapped_column(server_default=sa.func.now())
    read_at: orm.Mapped[datetime | None]
    answered_at: orm.Mapped[datetime | None]


class Orm:
    """SQLAlchemy on the same table: a session per operation, and a hook that sets the tenant."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._engine = sa.create_engine("postgresql+psycopg://", creator=lambda: connection)

    def _session(self, tenant_id: str) -> orm.Session:
        session = orm.Session(self._engine)

        @sa.event.listens_for(session, "after_begin")
        def set_tenant(_session: object, _transaction: object, connection: sa.Connection) -> None:
            connection.execute(
                sa.select(sa.func.set_config("app.current_tenant_id", tenant_id, True))
            )

        return session

    def send(self, proposal: Proposal) -> object:
        return self.send_batch([proposal])

    def send_batch(self, proposals: list[Proposal]) -> object:
        messages = [OrmMessage(**asdict(proposal)) for proposal in proposals]
        with self._session(proposals[0].tenant_id) as session:
            session.add_all(messages)
            session.flush()
            ids = [message.id for message in messages]
            session.commit()
            return ids

    def page(
        self, user: User, after: Position | None = None, column: Column = "to_user_id"
    ) -> Sequence[str]:
        query = sa.select(OrmMessage).where(getattr(OrmMessage, column) == user.id)
        newest_first = query.order_by(OrmMessage.created_at.desc(), OrmMessage.id.desc())
        with self._session(user.tenant_id) as session:
            page = newest_first.limit(PAGE).offset(after.rows if after else 0)
            return [message.id for message in session.scalars(page)]

    def unread(self, user: User, at_most: int | None = None) -> int:
        query = sa.select(OrmMessage.id).where(
            OrmMessage.to_user_id == user.id, OrmMessage.read_at.is_(None)
        )
        with self._session(user.tenant_id) as session:
            return len(session.scalars(query).all()[:at_most])

    def mark_read(self, message: Received) -> None:
        with self._session(message.to.tenant_id) as session:
            session.get_one(OrmMessage, message.id).read_at = datetime.now(timezone.utc)
            session.commit()

    def accept(self, message: Received) -> None:
        with self._session(message.to.tenant_id) as session:
            row = session.get_one(OrmMessage, message.id)
            row.status, row.answered_at = "accepted", datetime.now(timezone.utc)
            session.commit()

    def delete_skill(self, skill: Skill) -> None:
        with self._session(skill.tenant_id) as session:
            session.delete(session.get_one(OrmSkill, skill.id))
            session.commit()


@dataclass(frozen=True)
class Entry:
    """How a contestant connects."""

    contestant: Callable[[psycopg.Connection[Any]], Contestant]
    role: str
    schema: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def connect(self, conninfo: str, **options: str) -> Contestant:
        """As its role; with options, which may need it, as a superuser who then becomes it."""
        settings = {"search_path": self.schema, **self.settings, **options}
        user = "postgres" if options else self.role
        connection = psycopg.connect(
            conninfo,
            user=user,
            options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
            autocommit=True,
        )
        if options:
            connection.execute(f"SET SESSION AUTHORIZATION {self.role}".encode())
        connection.autocommit = self.contestant is not Orm
        return self.contestant(connection)


ENTRIES = {
    # Left alone, the limit's generic plan for a deep page is a bitmap scan and a sort.
    "limit": Entry(Limit, "postgres", "bare", {"enable_bitmapscan": "off"}),
    "limit, our ids": Entry(LimitWithOurIds, "postgres", "bare"),
    "ours, app": Entry(Ours, "app_login", "public"),
    "ours, app, unprepared": Entry(OursUnprepared, "app_login", "public"),
    "ours, service": Entry(Ours, "service_login", "public"),
    "ours, no policies": Entry(Ours, "unbound_login", "public"),
    "by hand": Entry(ByHand, "hand_login", "hand"),
    "by hand, our table": Entry(ByHand, "service_login", "public"),
    "ORM": Entry(Orm, "hand_login", "hand"),
}
