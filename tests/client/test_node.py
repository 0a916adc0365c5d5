"""JavaScript reads everything: real node-postgres, whose times are Dates of whole milliseconds.

tests/client/node/inbox.js is the application. It knows the schema only.
"""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import BOXES
from tests.conftest import Database
from tests.node import install

HERE = Path(__file__).with_name("node")

NOW = datetime(2026, 10, 25, 0, 59, 59, 990_000, tzinfo=timezone.utc)

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The application, with node-postgres beside it."""
    folder = tmp_path_factory.mktemp("node")
    return install(HERE, folder, pytestconfig.cache).folder / "inbox.js"


# Around the end of summer time, where a local time stands for two moments.
@pytest.fixture(params=["UTC", "Europe/Berlin", "America/St_Johns"])
def run(request: pytest.FixtureRequest, program: Path, database: Database) -> Run:
    """Runs a command of the application, on a machine of this time zone."""
    where = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(database.server.settings["port"]),
        "PGUSER": "app_login",
        "PGDATABASE": database.name,
        "TZ": request.param,
    }

    def run(*arguments: str) -> Any:
        command = ["node", str(program), *arguments]
        done = subprocess.run(
            command, env=os.environ | where, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def store(database: Database, times: list[datetime], *, as_they_are: bool = False) -> list[str]:
    """Messages of bob to himself, so that they are in both boxes; the ids, newest first.

    Args:
        database: Where.
        times: Of sending; m0 is of the first.
        as_they_are: Store the times with their microseconds, which only a superuser can.
    """
    with database.connect() as connection, connection.transaction():
        if as_they_are:
            connection.execute("ALTER TABLE skill_messages DISABLE TRIGGER USER")
        connection.cursor().executemany(
            "INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,"
            " message, created_at) VALUES (%s, 'acme', 'bob', 'bob', 'sql', 'Hello', %s)",
            [(f"m{number}", time) for number, time in enumerate(times)],
        )
        connection.execute("ALTER TABLE skill_messages ENABLE TRIGGER USER")
        query = 'SELECT id FROM skill_messages ORDER BY created_at DESC, id COLLATE "C" DESC'
        return [message_id for (message_id,) in connection.execute(query)]


# 21 messages, three in a millisecond each, with microseconds that the table cuts.
TIMES = [NOW + timedelta(milliseconds=n // 3, microseconds=333 * (n % 3)) for n in range(21)]


def test_pages_lose_and_repeat_nothing(database: Database, run: Run) -> None:
    expected = store(database, TIMES)
    for box in BOXES:
        for size in (1, 3, 5):
            assert run("pages", box, str(size)) == expected, (box, size)


def test_with_microseconds_they_would(database: Database, run: Run) -> None:
    """What the whole milliseconds are for."""
    expected = store(database, TIMES, as_they_are=True)
    assert len(run("pages", "get_messages_for_user", "5")) < len(expected)


def test_all_on_the_screen_is_marked_and_nothing_newer(database: Database, run: Run) -> None:
    times = [NOW + timedelta(milliseconds=n, microseconds=900) for n in range(5)]
    expected = store(database, times)
    # An integer of 64 bits is a string in node-postgres.
    assert run("mark") == {"newest": "m4", "screen": expected[1:4], "marked": "4"}
    with database.connect() as connection:
        unread = connection.execute("SELECT id FROM skill_messages WHERE read_at IS NULL")
        assert unread.fetchall() == [("m4",)]


def test_times_come_and_go_without_loss(database: Database, run: Run) -> None:
    store(database, [NOW + timedelta(microseconds=3_999)])
    found = run("times", "m0")
    assert found.pop("found") == "1"
    assert found["created_at"] == "2026-10-25T00:59:59.993Z"
    with database.connect() as connection:
        query = "SELECT created_at, read_at, answered_at FROM skill_messages"
        [stored] = connection.execute(query).fetchall()
    assert [datetime.fromisoformat(text.replace("Z", "+00:00")) for text in found.values()] == [
        *stored
    ]


def test_errors_come_with_code_and_hint(database: Database, run: Run) -> None:
    store(database, [NOW])
    missing, decided = run("errors")
    assert missing["code"] == "SM002"
    assert missing["message"] == 'message_id "nowhere": no such message'
    assert missing["hint"].startswith("Give the id of a message")
    assert decided["code"] == "SM003"
    assert decided["message"] == 'message_id "m0": already accepted or declined'
    assert decided["hint"].startswith("A decision is final.")


def test_types_are_those_of_javascript(database: Database, run: Run) -> None:
    store(database, [NOW])
    found = run("types")
    assert len(found.pop("id")) == 36
    assert found == {"unread": "1", "isDate": True, "readAt": None}
