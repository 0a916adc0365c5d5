"""The SQLAlchemy example: its README's commands, Alembic, and its statements in both flavours."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, delete, exc, func, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from tests.conftest import Blocking
from tests.examples.conftest import Example, copied
from tools.server import Server

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """Deployed by the commands of its README, less the last one, which tells its story."""
    with Server() as server, pytest.MonkeyPatch.context() as patch:
        example = copied("sqlalchemy", tmp_path_factory.mktemp("examples"), server)
        for command in example.commands()[:-1]:
            example.run(command)
        patch.syspath_prepend(str(example.folder))
        yield example


@pytest.fixture(autouse=True)
def stored(example: Example) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection; there are no messages afterwards."""
    with psycopg.connect(example.server.conninfo("proposals"), autocommit=True) as connection:
        yield connection
        connection.execute("TRUNCATE skill_messages; UPDATE skills SET parent_id = NULL")


@pytest.fixture(params=["sync", "async"])
def session(request: pytest.FixtureRequest, example: Example) -> Iterator[Make]:
    """Makes sessions of app_login, with a tenant and a user or without; they always block."""
    from proposals.messages import ActingSession

    where = f"127.0.0.1:{example.server.settings['port']}"
    # Far from UTC: a time that lost its zone on the way would show.
    url = f"postgresql+psycopg://app_login@{where}/proposals?options=-cTimeZone%3DAsia/Tokyo"
    made: list[Any] = []
    loop = asyncio.new_event_loop()
    sync = request.param == "sync"
    engine: Any = create_engine(url) if sync else Blocking(loop, create_async_engine(url))

    def session(*acts_for: str) -> Any:
        info = {"acts_for": acts_for} if acts_for else {}
        if sync:
            made.append(ActingSession(engine, info=info))
        else:
            session = AsyncSession(engine._target, sync_session_class=ActingSession, info=info)
            made.append(Blocking(loop, session))
        return made[-1]

    yield session
    for one in made:
        one.close()
    engine.dispose()
    loop.close()


def sent(session: Make, number: int = 1, **changed: Any) -> None:
    from proposals.messages import send

    to_user_id, skill_id = changed.get("to", "jonas"), changed.get("skill", "slow-postgres")
    maya = session("harbor", "maya")
    maya.execute(send("maya", to_user_id, skill_id, "Hello", "explain", f"m{number}"))
    maya.commit()


def inbox_of(session: Any, *arguments: Any) -> list[Any]:
    from proposals.messages import inbox

    return list(session.scalars(inbox(*arguments)).all())


def test_its_story_is_the_readmes(example: Example, stored: psycopg.Connection[Any]) -> None:
    command = example.commands()[-1]
    assert command == "python -m proposals"
    readme = (example.folder / "README.md").read_text()
    assert f"```text\n{example.run(command)}```" in readme
    grouped = stored.execute("SELECT id, parent_id FROM skills WHERE parent_id IS NOT NULL")
    assert grouped.fetchall() == [("slow-postgres", "explain")]


def test_pages(session: Make, stored: psycopg.Connection[Any]) -> None:
    """Two messages of each millisecond, by pages of three."""
    for number in range(10):
        sent(session, number)
    start = datetime(2026, 10, 25, 0, 59, 59, 999000, tzinfo=timezone.utc)
    stored.execute("ALTER TABLE skill_messages DISABLE TRIGGER USER")
    for number in range(10):
        time = start + timedelta(milliseconds=number // 2)
        stored.execute(
            "UPDATE skill_messages SET created_at = %s WHERE id = %s", [time, f"m{number}"]
        )
    stored.execute("ALTER TABLE skill_messages ENABLE TRIGGER USER")

    jonas = session("harbor", "jonas")
    read: list[Any] = []
    while page := inbox_of(jonas, 3, *read[-1:]):
        read += page
    assert [message.id for message in read] == [f"m{number}" for number in range(9, -1, -1)]
    assert read[-1].created_at == start


def test_the_context_is_that_of_each_transaction(session: Make) -> None:
    sent(session)
    jonas = session("harbor", "jonas")
    for _ in range(2):
        assert len(inbox_of(jonas)) == 1
        jonas.commit()
    jonas.info.clear()
    with pytest.raises(exc.DBAPIError):
        inbox_of(jonas)


def test_forgotten_context(session: Make) -> None:
    """The model shows nothing, and the functions say what is missing."""
    from proposals.messages import reason
    from proposals.models import SkillMessage

    sent(session)
    nobody = session()
    assert nobody.scalars(select(SkillMessage)).all() == []
    with pytest.raises(exc.DBAPIError) as raised:
        inbox_of(nobody)
    sqlstate, hint = reason(raised.value)
    assert sqlstate == "SM001"
    assert "set_skill_message_context" in (hint or "")


@pytest.mark.parametrize("who", [("crumb", "odile"), ("harbor", "maya")])
def test_others_do_not_receive_it(session: Make, who: tuple[str, str]) -> None:
    from proposals.messages import decide, reason
    from proposals.models import SkillMessage

    sent(session)
    other = session(*who)
    assert inbox_of(other) == []
    seen = other.scalar(select(func.count()).select_from(SkillMessage))
    assert seen == (who == ("harbor", "maya"))  # she sent it
    with pytest.raises(exc.DBAPIError) as raised:
        other.execute(decide("m1", "accepted"))
    assert reason(raised.value)[0] == "SM002"


@pytest.mark.parametrize("changed", [{"to": "odile"}, {"skill": "starter"}])
def test_what_is_unknown_is_an_integrity_error(session: Make, changed: dict[str, Any]) -> None:
    from proposals.messages import reason

    with pytest.raises(exc.IntegrityError) as raised:
        sent(session, **changed)
    assert reason(raised.value)[0] == "23503"
    assert reason(raised.value)[1]


def test_after_an_error_in_a_savepoint_the_session_goes_on(session: Make) -> None:
    from proposals.messages import decide, reason

    sent(session)
    jonas = session("harbor", "jonas")
    assert jonas.execute(decide("m1", "accepted")).all() == [("slow-postgres", "explain")]
    with pytest.raises(exc.DBAPIError) as raised, jonas.begin_nested():
        jonas.execute(decide("m1", "declined"))
    assert reason(raised.value)[0] == "SM003"
    jonas.commit()
    assert inbox_of(jonas)[0].status == "accepted"


def test_the_login_of_the_program_deletes_nothing(session: Make) -> None:
    """It is not the owner."""
    from proposals.messages import reason
    from proposals.models import SkillMessage

    sent(session)
    with pytest.raises(exc.DBAPIError) as raised:
        session("harbor", "jonas").execute(delete(SkillMessage))
    assert reason(raised.value)[0] == "42501"


def test_alembic_wants_to_change_nothing(example: Example) -> None:
    assert "No new upgrade operations detected" in example.run("alembic check")


def test_the_model_has_the_columns_of_the_table(stored: psycopg.Connection[Any]) -> None:
    from proposals.models import SkillMessage

    cursor = stored.execute("SELECT * FROM skill_messages")
    assert cursor.description
    columns = SkillMessage.__table__.columns.keys()
    assert columns == [column.name for column in cursor.description]


def test_it_is_deployed_as_the_package_has_it(example: Example) -> None:
    example.check("'user=app_login dbname=proposals'")
    example.check("--no-login 'user=proposals dbname=proposals'")


def test_downgrade_is_refused(example: Example) -> None:
    assert "sqitch revert" in example.run("alembic downgrade 0001", fails=True)


def dumped(example: Example, name: str) -> str:
    dump = example.run(f"pg_dump --schema-only {name}")
    return re.sub(r"^\\(un)?restrict .*$", "", dump, flags=re.MULTILINE)


def test_as_a_script_it_is_the_same(example: Example) -> None:
    """For a DBA who wants to see what runs: `alembic upgrade head --sql`."""
    example.run("createdb --owner=proposals scripted")
    script = example.run("alembic upgrade head --sql 2>/dev/null")
    (example.folder / "script.sql").write_text(script)
    example.run("psql -X -q -v ON_ERROR_STOP=1 -U proposals -d scripted -f script.sql")
    assert dumped(example, "scripted") == dumped(example, "proposals")


def test_a_revision_that_fails_leaves_nothing(example: Example) -> None:
    file = example.folder / "migrations" / "versions" / "0002_skill_messages.py"
    complete = file.read_text()
    ini = (example.folder / "alembic.ini").read_text()
    example.run("createdb --owner=proposals broken")
    (example.folder / "broken.ini").write_text(ini.replace("@/proposals", "@/broken"))
    try:
        file.write_text(complete.replace("GRANT UPDATE (parent_id)", "SELECT 1 / 0; --"))
        assert "division by zero" in example.run("alembic -c broken.ini upgrade head", fails=True)
    finally:
        file.write_text(complete)
    with psycopg.connect(example.server.conninfo("broken")) as connection:
        schemas = "SELECT FROM pg_namespace WHERE nspname = 'skill_messages_private'"
        assert connection.execute(schemas).rowcount == 0
        assert connection.execute("SELECT to_regclass('skill_messages')").fetchone() == (None,)
