"""Live signals: of what was committed, with ids only, and on through a restart of the server."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from conftest import LOGIN_ROLES, TENANTS, Database
from server import DEPLOYER, Server, deploy
from skill_messages import (
    Event,
    EventsMissed,
    MessageDecided,
    MessageSent,
    SkillMessages,
    listen,
    listen_async,
)


@pytest.fixture(scope="module")
def restartable() -> Iterator[Database]:
    """A server of its own, which a test may restart, with notifications switched on."""
    with Server() as server:
        database = Database(server, "signals")
        server.create_database(database.name)
        deploy(database.target)
        with database.connect() as connection:
            connection.execute(LOGIN_ROLES + TENANTS)
        with database.connect(DEPLOYER) as owner:
            owner.execute("SELECT switch_skill_message_notifications(true)")
        yield database


@pytest.fixture(params=["sync", "async"])
def event_during(
    request: pytest.FixtureRequest, restartable: Database
) -> Iterator[Callable[[Callable[[], object]], Event]]:
    """What the listener yields next when something is done as soon as it listens."""
    loop = asyncio.new_event_loop()
    conninfo = restartable.conninfo("app_login")
    if request.param == "sync":
        events = listen(lambda: psycopg.connect(conninfo), retry_delay=0.1)
        next_event, close = events.__next__, events.close
    else:
        signals = listen_async(lambda: psycopg.AsyncConnection.connect(conninfo), retry_delay=0.1)
        next_event = lambda: loop.run_until_complete(anext(signals))  # noqa: E731
        close = lambda: loop.run_until_complete(signals.aclose())  # noqa: E731

    def during(action: Callable[[], object]) -> Event:
        with ThreadPoolExecutor() as pool:
            doing = pool.submit(when_somebody_listens, restartable, action)
            event = next_event()
            doing.result()
        return event

    yield during
    close()
    loop.close()


def when_somebody_listens(database: Database, action: Callable[[], object]) -> None:
    query = "SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'"
    with database.connect() as watcher:
        for _ in range(600):
            if watcher.execute(query).rowcount == 1:
                break
            time.sleep(0.05)
    action()


@pytest.fixture
def service(restartable: Database) -> Iterator[SkillMessages]:
    with restartable.connect("service_login") as connection:
        yield SkillMessages(connection, tenant_id="acme")


def test_what_is_committed_is_signalled(
    event_during: Callable[[Callable[[], object]], Event],
    service: SkillMessages,
    restartable: Database,
) -> None:
    def send(message_id: str) -> str:
        return service.send_skill_message("ann", "bob", "sql", "Secret", id=message_id)

    def roll_back_then_send() -> None:
        with restartable.connect("service_login") as connection, connection.transaction() as undone:
            undecided = SkillMessages(connection, tenant_id="acme")
            undecided.send_skill_message("ann", "bob", "sql", "Never mind")
            raise psycopg.Rollback(undone)
        send("m1")

    def retry_then_decide() -> None:
        send("m1")  # stored nothing, so signals nothing
        service.mark_message_read("m1")
        service.update_message_status("m1", "accepted")

    with restartable.connect() as connection:
        connection.execute("DELETE FROM skill_messages")
    assert event_during(roll_back_then_send) == MessageSent("acme", "bob", "m1")
    assert event_during(retry_then_decide) == MessageDecided("acme", "ann", "m1")


def test_a_restart_is_survived_and_told(
    event_during: Callable[[Callable[[], object]], Event], restartable: Database
) -> None:
    def send() -> str:
        with restartable.connect("service_login") as connection:
            client = SkillMessages(connection, tenant_id="acme")
            return client.send_skill_message("ann", "bob", "sql", "Hello")

    def restart() -> None:
        restartable.server.terminate()
        time.sleep(0.3)  # some attempts to reconnect fail
        restartable.server.start()

    assert isinstance(event_during(send), MessageSent)
    assert event_during(restart) == EventsMissed()
    assert isinstance(event_during(send), MessageSent)


def test_the_first_attempt_must_succeed(restartable: Database) -> None:
    with pytest.raises(psycopg.OperationalError):
        next(listen(lambda: psycopg.connect(restartable.conninfo("nobody_by_that_name"))))


def test_nothing_is_signalled_while_off(database: Database) -> None:
    with database.connect("app_login") as listener, database.connect("service_login") as connection:
        listener.execute("LISTEN skill_message_sent; LISTEN skill_message_decided")
        client = SkillMessages(connection, tenant_id="acme")
        client.update_message_status(
            client.send_skill_message("ann", "bob", "sql", "Hello"), "declined"
        )
        with database.connect() as other:
            other.execute("NOTIFY skill_message_sent, 'the end'")
        assert next(listener.notifies()).payload == "the end"
