"""Two transactions at once: the second waits for the first, and then the rules hold for it too."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
import pytest
from conftest import Database
from skill_messages import AlreadyDecidedError, IdTakenError, SkillMessages

T = TypeVar("T")


@contextmanager
def clients(
    database: Database,
) -> Iterator[tuple[SkillMessages, SkillMessages, psycopg.Connection]]:
    """Two clients of acme's service, and the connection of the first."""
    with database.connect("service_login") as one, database.connect("service_login") as two:
        yield SkillMessages(one, tenant_id="acme"), SkillMessages(two, tenant_id="acme"), one


def behind(
    database: Database,
    first: psycopg.Connection[Any],
    early: Callable[[], object],
    late: Callable[[], T],
) -> Future[T]:
    """Do ``early`` in a transaction, commit it only once ``late`` waits for its lock."""
    with ThreadPoolExecutor() as pool, database.connect() as watcher:
        with first.transaction():
            early()
            pending = pool.submit(late)
            query = "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
            deadline = time.monotonic() + 30
            while not watcher.execute(query, [database.name]).rowcount:
                assert time.monotonic() < deadline, "nobody waits"
                assert not pending.done(), "nobody waited"
        pending.exception()
        return pending


def test_one_of_two_decisions_counts(database: Database) -> None:
    with clients(database) as (ann, bob, connection):
        message_id = ann.send_skill_message("ann", "bob", "sql", "Hello")
        late = behind(
            database,
            connection,
            lambda: ann.update_message_status(message_id, "accepted"),
            lambda: bob.update_message_status(message_id, "declined"),
        )
        with pytest.raises(AlreadyDecidedError):
            late.result()
        assert [m.status for m in bob.get_messages_for_user("bob")] == ["accepted"]


def test_the_first_of_two_readings_stands(database: Database) -> None:
    with clients(database) as (ann, bob, connection):
        message_id = ann.send_skill_message("ann", "bob", "sql", "Hello")
        readings = []
        late = behind(
            database,
            connection,
            lambda: readings.append(ann.mark_message_read(message_id)),
            lambda: bob.mark_message_read(message_id),
        )
        assert [late.result()] == readings


@pytest.mark.parametrize("same_content", [True, False])
def test_two_sends_with_one_id(database: Database, *, same_content: bool) -> None:
    with clients(database) as (ann, bob, connection):
        late = behind(
            database,
            connection,
            lambda: ann.send_skill_message("ann", "bob", "sql", "Hello", id="m1"),
            lambda: bob.send_skill_message(
                "ann", "bob", "sql", "Hello" if same_content else "Else", id="m1"
            ),
        )
        if same_content:
            assert late.result() == "m1"
        else:
            with pytest.raises(IdTakenError):
                late.result()
        assert [m.message for m in bob.get_messages_for_user("bob")] == ["Hello"]


def test_reading_all_of_an_inbox_lets_others_send(database: Database) -> None:
    with clients(database) as (ann, bob, connection):
        ann.send_skill_messages(
            [
                {
                    "from_user_id": "ann",
                    "to_user_id": "bob",
                    "subject_skill_id": "sql",
                    "message": f"{number}",
                }
                for number in range(1000)
            ]
        )
        with connection.transaction():
            assert ann.mark_messages_read("bob") == 1000
            with database.connect("service_login", options="-c lock_timeout=5s") as other:
                cy = SkillMessages(other, tenant_id="acme")
                assert cy.send_skill_message("cy", "bob", "sql", "Meanwhile")
                assert cy.send_skill_message("bob", "cy", "sql", "Meanwhile")
        assert bob.get_unread_count_for_user("bob") == 1
