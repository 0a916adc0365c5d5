"""An ORM that knows the table and one setting, and nothing of the functions."""

from collections.abc import Iterator
from datetime import datetime, timezone

import psycopg
import pytest
from conftest import Database
from sqlalchemy import Connection, DateTime, Engine, Text, create_engine, event, exc, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


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


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """Engine of a login role that is a member of skill_messages_service."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database.conninfo("service_login"))
    )
    yield engine
    engine.dispose()


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
