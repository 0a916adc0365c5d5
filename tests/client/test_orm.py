"""An ORM that knows the table and one setting, and nothing of the functions.

It knows ten of the eleven columns, and takes the id for the primary key.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import psycopg
import pytest
from sqlalchemy import Connection, DateTime, Engine, Text, create_engine, event, exc, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.conftest import Database
from tools.server import DEPLOYER


class Base(DeclarativeBase):
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True)}  # noqa: RUF012


class SkillMessage(Base):
    __tablename__ = "skill_messages"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    from_user_id: Mapped[str]
    to_user_id: Mapped[str]
    subject_skill_id: Mapped[str]
    proposed_parent_skill_id: Mapped[str | None]
    message: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


def new_message(number: int, tenant_id: str = "acme") -> SkillMessage:
    return SkillMessage(
        id=f"m{number}",
        tenant_id=tenant_id,
        from_user_id="ann" if tenant_id == "acme" else "gus",
        to_user_id="bob" if tenant_id == "acme" else "ida",
        subject_skill_id="sql" if tenant_id == "acme" else "welding",
        proposed_parent_skill_id=None,
        message=f"Message {number}",
        status="pending",
        created_at=datetime(2026, 1, 1, 12, number, tzinfo=timezone.utc),
        read_at=None,
    )


@pytest.fixture(params=["service", "owner"])
def engine(database: Database, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Engine of a member of skill_messages_service: a login role, or the owner of the table."""
    user = "service_login" if request.param == "service" else DEPLOYER
    with database.connect(DEPLOYER) as owner:
        if user == DEPLOYER:
            owner.execute(f"GRANT skill_messages_service TO {DEPLOYER}".encode())
        engine = create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(database.conninfo(user))
        )
        yield engine
        engine.dispose()
        if user == DEPLOYER:
            # From 16 on, a superuser's REVOKE would take the right to grant as well.
            owner.execute(f"REVOKE skill_messages_service FROM {DEPLOYER}".encode())


def session_of(engine: Engine, tenant_id: str) -> Session:
    """A session that sets the tenant, and only the tenant, whenever a transaction begins."""
    session = Session(engine)

    @event.listens_for(session, "after_begin")
    def set_tenant(_session: Session, _transaction: object, connection: Connection) -> None:
        connection.execute(select(func.set_config("app.current_tenant_id", tenant_id, True)))

    return session


def test_send_list_count_read_accept(engine: Engine) -> None:
    with session_of(engine, "acme") as session:
        session.add_all([new_message(number) for number in range(3)])
        session.commit()

    with session_of(engine, "acme") as session:
        to_bob = select(SkillMessage).where(SkillMessage.to_user_id == "bob")
        inbox = session.scalars(to_bob.order_by(SkillMessage.created_at.desc())).all()
        assert [message.id for message in inbox] == ["m2", "m1", "m0"]

        inbox[0].read_at = datetime.now(timezone.utc)
        inbox[0].status = "accepted"
        session.commit()

        unread = to_bob.where(SkillMessage.read_at.is_(None))
        assert session.scalar(select(func.count()).select_from(unread.subquery())) == 2
        assert session.get_one(SkillMessage, "m2").status == "accepted"

        session.get_one(SkillMessage, "m2").status = "declined"
        with pytest.raises(exc.DBAPIError) as raised:
            session.commit()
        assert isinstance(raised.value.orig, psycopg.Error)
        assert raised.value.orig.sqlstate == "SM003"


def test_another_tenant_is_out_of_reach(engine: Engine) -> None:
    with session_of(engine, "globex") as session:
        session.add(new_message(1, "globex"))
        session.commit()

    with session_of(engine, "acme") as session:
        assert session.scalars(select(SkillMessage)).all() == []
        assert session.get(SkillMessage, "m1") is None
        update = SkillMessage.__table__.update().values(status="declined")  # type: ignore[attr-defined]
        assert session.execute(update).rowcount == 0  # type: ignore[attr-defined]

        session.add(new_message(2, "globex"))
        with pytest.raises(exc.ProgrammingError, match="row-level security"):
            session.commit()

    with session_of(engine, "globex") as session:
        assert session.get_one(SkillMessage, "m1").status == "pending"

    with Session(engine) as session:
        assert session.scalars(select(SkillMessage)).all() == []


def test_another_tenant_may_use_the_same_id(engine: Engine) -> None:
    """The key in the database is (id, tenant_id): each tenant meets its own message alone."""
    for tenant_id in ("acme", "globex"):
        with session_of(engine, tenant_id) as session:
            session.add(new_message(1, tenant_id))
            session.commit()

    with session_of(engine, "acme") as session:
        message = session.get_one(SkillMessage, "m1")
        message.status = "accepted"
        message.read_at = datetime.now(timezone.utc)
        session.commit()

        # Within a tenant it is taken, for whoever bypasses the functions too.
        session.expunge_all()
        session.add(new_message(1))
        with pytest.raises(exc.IntegrityError) as raised:
            session.commit()
        assert isinstance(raised.value.orig, psycopg.errors.UniqueViolation)

    for tenant_id, status in (("acme", "accepted"), ("globex", "pending")):
        with session_of(engine, tenant_id) as session:
            message = session.scalars(select(SkillMessage)).one()
            assert (message.tenant_id, message.status) == (tenant_id, status)
            assert (message.read_at is None) == (tenant_id == "globex")


@pytest.mark.parametrize("clock", [-5, 0, 5])
def test_the_clock_of_the_application_may_be_off(engine: Engine, clock: int) -> None:
    """By minutes: nobody is kept from sending and reading, and no time lies ahead."""
    with session_of(engine, "acme") as session:
        message = new_message(1)
        message.created_at = datetime.now(timezone.utc) + timedelta(minutes=clock)
        session.add(message)
        session.commit()
        assert message.created_at <= datetime.now(timezone.utc)
        assert message.created_at.microsecond % 1000 == 0

        message.read_at = datetime.now(timezone.utc) + timedelta(minutes=clock)
        session.commit()
        assert message.read_at is not None
        assert message.created_at <= message.read_at <= datetime.now(timezone.utc)
        assert message.read_at.microsecond % 1000 == 0


def test_the_first_reading_stands(engine: Engine) -> None:
    """A second click in a stale page, or null, is no error and changes nothing."""
    with session_of(engine, "acme") as session:
        message = new_message(1)
        session.add(message)
        session.commit()
        first = datetime(2026, 2, 1, 12, 30, 15, 123000, tzinfo=timezone.utc)
        message.read_at = first
        session.commit()

        for later in (datetime.now(timezone.utc), first - timedelta(days=1), None):
            message.read_at = later
            message.status = "declined"
            session.commit()
            assert message.read_at == first
            assert message.status == "declined"


def test_what_is_already_so_may_be_said_again(engine: Engine) -> None:
    with session_of(engine, "acme") as session:
        session.add(new_message(1))
        session.commit()
        for values in ({"status": "accepted"}, {"status": "accepted"}, {"read_at": None}):
            update = SkillMessage.__table__.update().values(values)  # type: ignore[attr-defined]
            assert session.execute(update).rowcount == 1  # type: ignore[attr-defined]
            session.commit()
        assert session.get_one(SkillMessage, "m1").read_at is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("message", "Something else"),
        ("created_at", datetime(2026, 1, 2, tzinfo=timezone.utc)),
        ("to_user_id", "cy"),
        ("proposed_parent_skill_id", "postgres"),
    ],
)
def test_nothing_else_changes(
    engine: Engine, request: pytest.FixtureRequest, column: str, value: object
) -> None:
    with session_of(engine, "acme") as session:
        message = new_message(1)
        session.add(message)
        session.commit()
        setattr(message, column, value)
        with pytest.raises(exc.DBAPIError) as raised:
            session.commit()
        assert isinstance(raised.value.orig, psycopg.Error)
        # The service lacks the privilege; the owner has it, and is refused by the rule.
        owner = "owner" in request.node.callspec.id
        assert raised.value.orig.sqlstate == ("23514" if owner else "42501")


@pytest.mark.parametrize(
    ("change", "sqlstate"),
    [
        ({"status": "accepted"}, "23514"),
        ({"read_at": datetime(2026, 1, 3, tzinfo=timezone.utc)}, "23514"),
        ({"message": " \u200b\u00a0"}, "23514"),
        ({"message": "[erased]"}, "23514"),
        ({"id": "x" * 256}, "23514"),
        ({"created_at": datetime(1969, 12, 31, tzinfo=timezone.utc)}, "23514"),
        ({"to_user_id": "gus"}, "23503"),
    ],
)
def test_the_rules_hold_for_it(engine: Engine, change: dict[str, object], sqlstate: str) -> None:
    with session_of(engine, "acme") as session:
        message = new_message(1)
        for column, value in change.items():
            setattr(message, column, value)
        session.add(message)
        with pytest.raises(exc.DBAPIError) as raised:
            session.commit()
        assert isinstance(raised.value.orig, psycopg.Error)
        assert raised.value.orig.sqlstate == sqlstate
