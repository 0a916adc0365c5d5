"""The hand-written client of a live host goes on working: an ORM, ten columns, five calls."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, create_engine, event, exc, func, select, update
from sqlalchemy.orm import Session

from tests.client.test_orm import SkillMessage
from tests.conftest import Database
from tools.server import DEPLOYER, ROOT, deploy

TENANT = "t2"  # u1, u3, s1, s3 and s5 are of this one

# Whoever connects, what the connection brings along, and how a transaction chooses its tenant.
WAYS: dict[str, tuple[str, str, str | None]] = {
    "service, set_config": (
        "live_service",
        "",
        f"SELECT set_config('app.current_tenant_id', '{TENANT}', true)",
    ),
    "service, the function": (
        "live_service",
        "",
        f"SELECT set_skill_message_context('{TENANT}')",
    ),
    "owner, SET LOCAL": (DEPLOYER, "", f"SET LOCAL app.current_tenant_id = '{TENANT}'"),
    "owner, startup option": (DEPLOYER, TENANT, None),
    "owner, startup option of another tenant, then SET LOCAL": (
        DEPLOYER,
        "default",
        f"SET LOCAL app.current_tenant_id = '{TENANT}'",
    ),
    "owner, startup option of another tenant, then the function": (
        DEPLOYER,
        "default",
        f"SELECT set_skill_message_context('{TENANT}')",
    ),
}


@pytest.fixture(scope="module")
def live(server: Any, names: Iterator[str]) -> Iterator[Database]:
    """The live host with the package, and its owner a member of the service role."""
    database = Database(server, next(names))
    server.create_database(database.name)
    with database.connect(DEPLOYER) as owner:
        owner.execute((ROOT / "tests/hosts/live.sql").read_bytes())
    deploy(database.target)
    with database.connect() as superuser, database.connect(DEPLOYER) as owner:
        owner.execute(f"GRANT skill_messages_service TO {DEPLOYER}".encode())
        superuser.execute("CREATE ROLE live_service LOGIN IN ROLE skill_messages_service")
    yield database
    with database.connect() as superuser, database.connect(DEPLOYER) as owner:
        # From 16 on, a superuser's REVOKE would take the right to grant as well.
        owner.execute(f"REVOKE skill_messages_service FROM {DEPLOYER}".encode())
        superuser.execute("DROP OWNED BY live_service; DROP ROLE live_service")
    server.drop_database(database.name)


@pytest.fixture(params=WAYS)
def engine(request: pytest.FixtureRequest, live: Database) -> Iterator[Engine]:
    user, default, choose = WAYS[request.param]
    options = f"-c app.current_tenant_id={default}" if default else ""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(live.conninfo(user), options=options),
    )
    if choose:

        @event.listens_for(engine, "begin")
        def choose_tenant(connection: Connection) -> None:
            connection.exec_driver_sql(choose)

    yield engine
    engine.dispose()
    with live.connect() as superuser:
        superuser.execute("DELETE FROM skill_messages")


def now(minutes: int = 0) -> datetime:
    """The clock of the application's server, which may be off."""
    return datetime.now(timezone.utc) + timedelta(minutes=minutes)


def send(engine: Engine, message_id: str, **changes: Any) -> None:
    """The new skill does not exist yet when its author writes: subject and parent are the same."""
    columns: dict[str, Any] = {
        "tenant_id": TENANT,
        "from_user_id": "u1",
        "to_user_id": "u3",
        "subject_skill_id": "s3",
        "proposed_parent_skill_id": "s3",
        "message": "Mine under yours?",
        "status": "pending",
        "created_at": now(),
        "read_at": None,
    }
    with Session(engine) as session:
        session.add(SkillMessage(id=message_id, **{**columns, **changes}))
        session.commit()


def inbox(engine: Engine, user_id: str = "u3") -> list[SkillMessage]:
    with Session(engine) as session:
        query = select(SkillMessage).where(SkillMessage.to_user_id == user_id)
        return list(session.scalars(query.order_by(SkillMessage.created_at.desc())))


def unread(engine: Engine, user_id: str = "u3") -> int:
    with Session(engine) as session:
        query = select(func.count()).select_from(SkillMessage)
        mine = query.where(SkillMessage.to_user_id == user_id, SkillMessage.read_at.is_(None))
        return session.scalar(mine) or 0


def set_columns(engine: Engine, message_id: str, **values: object) -> int:
    with Session(engine) as session:
        changed = session.execute(
            update(SkillMessage).where(SkillMessage.id == message_id).values(**values)
        )
        session.commit()
        return int(changed.rowcount)  # type: ignore[attr-defined]


def test_send_in_every_shape(engine: Engine) -> None:
    send(engine, "as the application does")
    send(engine, "to oneself", to_user_id="u1")
    send(engine, "without a parent", proposed_parent_skill_id=None)
    send(engine, "with a parent", proposed_parent_skill_id="s1")
    assert len(inbox(engine)) == 3
    assert [message.id for message in inbox(engine, "u1")] == ["to oneself"]
    assert unread(engine) == 3


@pytest.mark.parametrize(("sent", "read"), [(-5, -5), (0, -5), (0, 0), (0, 5), (5, 0), (5, 5)])
def test_a_clock_that_is_off_keeps_nobody_from_reading(
    engine: Engine, sent: int, read: int
) -> None:
    send(engine, "m1", created_at=now(sent))
    assert inbox(engine)[0].created_at <= now()

    assert set_columns(engine, "m1", read_at=now(read)) == 1
    [message] = inbox(engine)
    assert message.read_at is not None
    assert message.created_at <= message.read_at <= now()
    assert unread(engine) == 0

    # A second click on "Mark as read" in a stale page, and an ORM that writes null.
    for second in (now(read), None):
        assert set_columns(engine, "m1", read_at=second) == 1
        assert inbox(engine)[0].read_at == message.read_at


def test_a_decision_is_made_once(engine: Engine) -> None:
    send(engine, "m1")
    for _ in range(2):
        assert set_columns(engine, "m1", status="accepted") == 1
    with pytest.raises(exc.DBAPIError) as refused:
        set_columns(engine, "m1", status="declined")
    assert isinstance(refused.value.orig, psycopg.Error)
    assert refused.value.orig.sqlstate == "SM003"
    assert inbox(engine)[0].status == "accepted"

    # The function tells one caller apart from all later ones, who must not group the skills again.
    with Session(engine) as session, pytest.raises(exc.DBAPIError) as late:
        session.execute(select(func.update_message_status("m1", "accepted")))
    assert isinstance(late.value.orig, psycopg.Error)
    assert late.value.orig.sqlstate == "SM003"


@pytest.mark.parametrize(
    ("skill", "left"),
    [
        ("s1", {"subject": "s3", "parent": None}),
        ("s3", {"parent": "s1", "other": None}),
        ("s5", {"subject": "s3", "other": "s3"}),
    ],
)
def test_a_skill_is_deleted(
    engine: Engine, live: Database, skill: str, left: dict[str, str | None]
) -> None:
    send(engine, "subject", subject_skill_id="s3", proposed_parent_skill_id="s3")
    send(engine, "parent", subject_skill_id="s5", proposed_parent_skill_id="s1")
    send(engine, "other", subject_skill_id="s1", proposed_parent_skill_id="s3")
    with (
        live.connect(DEPLOYER, options=f"-c app.current_tenant_id={TENANT}") as owner,
        owner.transaction(force_rollback=True),
    ):
        owner.execute("DELETE FROM skills WHERE id = %s", [skill])
        found = owner.execute("SELECT id, proposed_parent_skill_id FROM skill_messages").fetchall()
    assert dict(found) == left


def test_all_of_an_inbox_is_marked_read(engine: Engine) -> None:
    send(engine, "m1")
    send(engine, "m2")
    send(engine, "to somebody else", to_user_id="u5")
    with Session(engine) as session:
        of_mine = SkillMessage.to_user_id == "u3", SkillMessage.read_at.is_(None)
        session.execute(update(SkillMessage).where(*of_mine).values(read_at=now()))
        session.commit()
    assert (unread(engine), unread(engine, "u5")) == (0, 1)


# Section 10 of docs/moving-in.md: what it did, who does it, what it gets now.
NO_LONGER = [
    (
        "INSERT INTO skill_messages"
        " (tenant_id, from_user_id, to_user_id, subject_skill_id, message)"
        " VALUES ('t2', 'u1', 'u2', 's1', 'Hello')",
        DEPLOYER,
        "23503",
    ),
    ("UPDATE users SET tenant_id = 't1' WHERE id = 'u1'", DEPLOYER, "23503"),
    ("DELETE FROM users WHERE id = 'u1'", DEPLOYER, "23503"),
    ("UPDATE skill_messages SET message = 'Something else'", DEPLOYER, "23514"),
    ("UPDATE skill_messages SET to_user_id = 'u5'", DEPLOYER, "23514"),
    ("DELETE FROM skill_messages", "live_service", "42501"),
    (
        "INSERT INTO skill_messages"
        " (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)"
        " VALUES ('m1', 't2', 'u1', 'u3', 's1', 'Hello') ON CONFLICT (id) DO NOTHING",
        DEPLOYER,
        "42P10",
    ),
    ("ALTER TABLE users ALTER name TYPE varchar(200)", DEPLOYER, "0A000"),
    ("TRUNCATE users", DEPLOYER, "0A000"),
]


@pytest.mark.parametrize(("statement", "user", "sqlstate"), NO_LONGER)
def test_what_the_application_can_no_longer_do(
    live: Database, statement: str, user: str, sqlstate: str
) -> None:
    with (
        live.connect(user, options=f"-c app.current_tenant_id={TENANT}") as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("SELECT send_skill_message('u1', 'u3', 's1', 'Hello', id => 'm1')")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(statement.encode())
    assert refused.value.sqlstate == sqlstate


def test_the_owner_cleans_up_a_tenant(engine: Engine, live: Database) -> None:
    send(engine, "m1")
    send(engine, "m2")
    with live.connect(DEPLOYER, options=f"-c app.current_tenant_id={TENANT}") as owner:
        done = owner.execute("DELETE FROM skill_messages WHERE tenant_id = %s", ["t1"])
        assert done.rowcount == 0
        done = owner.execute("DELETE FROM skill_messages WHERE tenant_id = %s", [TENANT])
        assert done.rowcount == 2
    assert inbox(engine) == []
