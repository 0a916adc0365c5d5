"""Live signals: of what was committed, ids only; on through restarts and forgeries; until told."""

import asyncio
import contextlib
import itertools
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any

import psycopg
import pytest

from skill_messages import (
    Event,
    EventsMissed,
    MessageDecided,
    MessageSent,
    SkillMessages,
    listen,
    listen_async,
)
from tests.conftest import LOGIN_ROLES, TENANTS, Database
from tools.server import DEPLOYER, Server, deploy

GENUINE = {"tenant_id": "acme", "user_id": "bob", "message_id": "m1"}

HOSTILE = [
    "",
    "hello",
    "\n2026-01-01 ERROR a line of its own",
    "{",
    "null",
    "{}",
    "[]",
    "[" * 7000,
    '{"tenant_id":' * 600,
    "9" * 7000,
    "\N{SNOWMAN}" * 2000,
    json.dumps(list(GENUINE)),
    json.dumps(list(GENUINE.items())),
    json.dumps([GENUINE]),
    json.dumps(GENUINE)[:-1],
    json.dumps(GENUINE)[:-1] + ', "message_id": "m2"}',
    json.dumps(GENUINE | {"content": "Secret"}),
    json.dumps({key: GENUINE[key] for key in ("tenant_id", "user_id")}),
    json.dumps({key.upper(): value for key, value in GENUINE.items()}),
    *(
        json.dumps(GENUINE | {"message_id": value})
        for value in (None, True, 1, float("nan"), ["m1"], {"m1": "m1"}, "\0", "\ud800")
    ),
    json.dumps(GENUINE).replace('"m1"', "9" * 7000),
]


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


Listening = Callable[..., Generator[Event, None, None]]


@pytest.fixture(params=["sync", "async"])
def listening(request: pytest.FixtureRequest, restartable: Database) -> Iterator[Listening]:
    """Starts to listen, sync or async, always blocking; over a connection that speaks ASCII."""
    conninfo = restartable.conninfo("app_login") + " client_encoding=SQL_ASCII"
    if request.param == "sync":
        yield lambda **arguments: listen(lambda: psycopg.connect(conninfo), **arguments)
        assert number_of_listeners_becomes(0, restartable)
        return

    loop = asyncio.new_event_loop()

    def blocking(**arguments: Any) -> Generator[Event, None, None]:
        events = listen_async(lambda: psycopg.AsyncConnection.connect(conninfo), **arguments)
        try:
            with contextlib.suppress(StopAsyncIteration):
                while True:
                    yield loop.run_until_complete(anext(events))
        finally:
            loop.run_until_complete(events.aclose())

    yield blocking
    assert number_of_listeners_becomes(0, restartable)
    loop.close()


@pytest.fixture
def event_during(
    listening: Listening, restartable: Database
) -> Iterator[Callable[[Callable[[], object]], Event]]:
    """What the listener yields next when something is done as soon as it listens."""
    events = listening(retry_delay=0.1)

    def during(action: Callable[[], object]) -> Event:
        with ThreadPoolExecutor() as pool:
            doing = pool.submit(when_somebody_listens, restartable, action)
            event = next(events)
            doing.result()
        return event

    yield during
    events.close()


def when_somebody_listens(database: Database, action: Callable[[], object]) -> None:
    assert number_of_listeners_becomes(1, database)
    action()


def number_of_listeners_becomes(number: int, database: Database) -> bool:
    query = "SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'"
    with database.connect() as watcher:
        for _ in range(600):
            if watcher.execute(query).rowcount == number:
                return True
            time.sleep(0.05)
    return False


def notify(database: Database, *payloads: str, channel: str = "skill_message_sent") -> None:
    """What anybody who may connect can do."""
    with database.connect("app_login") as anybody:
        for payload in payloads:
            anybody.execute("SELECT pg_notify(%s, %s)", [channel, payload])


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


def test_what_is_no_event_is_skipped_with_a_warning(
    event_during: Callable[[Callable[[], object]], Event],
    service: SkillMessages,
    restartable: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent: list[str] = []

    def forge_then_send() -> None:
        for channel in ("skill_message_sent", "skill_message_decided"):
            notify(restartable, *HOSTILE, channel=channel)
        sent.append(service.send_skill_message("ann", "bob", "sql", "Hello"))

    event = event_during(forge_then_send)
    assert event == MessageSent("acme", "bob", sent[0])
    assert caplog.record_tuples == [
        (
            "skill_messages",
            logging.WARNING,
            f"skipped a notification on {channel}: {payload[:100]!r}",
        )
        for channel in ("skill_message_sent", "skill_message_decided")
        for payload in HOSTILE
    ]


def test_nothing_is_lost_between_two_polls(
    listening: Listening, restartable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skill_messages.listener._POLL", 0.001)
    sent = [MessageSent("acme", "bob", f"m{number}") for number in range(1000)]

    def send() -> None:
        query = "SELECT pg_notify('skill_message_sent', p) FROM unnest(%s::text[]) AS p"
        with restartable.connect("app_login") as connection:
            for start in range(0, len(sent), 5):  # what one transaction sends arrives together
                payloads = [json.dumps(asdict(event)) for event in sent[start : start + 5]]
                connection.execute(query, [payloads])
                time.sleep(0.001)

    events = listening(timeout=10)
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(when_somebody_listens, restartable, send)
        assert list(itertools.islice(events, len(sent))) == sent
        sending.result()
    events.close()


def test_timeout_ends_it(listening: Listening, restartable: Database) -> None:
    def send() -> None:
        notify(restartable, json.dumps(GENUINE))

    started = time.monotonic()
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(when_somebody_listens, restartable, send)
        assert list(listening(timeout=2)) == [MessageSent("acme", "bob", "m1")]
        sending.result()
    assert 2 <= time.monotonic() - started < 4
    assert list(listening(timeout=0)) == []


def test_timeout_ends_it_while_the_server_is_away(
    listening: Listening, restartable: Database
) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor() as pool:
        terminating = pool.submit(when_somebody_listens, restartable, restartable.server.terminate)
        try:
            assert list(listening(timeout=2, retry_delay=20)) == []
            assert 2 <= time.monotonic() - started < 4
        finally:
            terminating.result()
            restartable.server.start()


def test_stop_ends_it(restartable: Database) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        events = listen(partial(restartable.connect, "app_login"), stop=stop, timeout=20)
        listening = pool.submit(list, events)
        when_somebody_listens(restartable, stop.set)
        assert listening.result(timeout=1) == []
    assert number_of_listeners_becomes(0, restartable)


@pytest.mark.parametrize("retry_delay", [0.01, 20])
def test_stop_ends_it_while_the_server_is_away(restartable: Database, retry_delay: float) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        connect = partial(restartable.connect, "app_login")
        events = listen(connect, retry_delay=retry_delay, stop=stop, timeout=20)
        listening = pool.submit(list, events)
        when_somebody_listens(restartable, restartable.server.terminate)
        try:
            time.sleep(0.3)  # it notices
            assert not listening.done()
            stop.set()
            assert listening.result(timeout=1) == []
        finally:
            restartable.server.start()


@pytest.mark.parametrize("away", [False, True])
def test_cancelling_ends_it(restartable: Database, away: bool) -> None:
    def connect() -> Awaitable[psycopg.AsyncConnection[Any]]:
        return psycopg.AsyncConnection.connect(restartable.conninfo("app_login"))

    async def listening() -> list[Event]:
        return [event async for event in listen_async(connect, retry_delay=20, timeout=20)]

    async def cancel_when_it_listens() -> None:
        task = asyncio.create_task(listening())
        action = restartable.server.terminate if away else lambda: None
        await asyncio.to_thread(when_somebody_listens, restartable, action)
        await asyncio.sleep(0.3)  # it notices
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, timeout=1)

    try:
        asyncio.run(cancel_when_it_listens())
    finally:
        if away:
            restartable.server.start()
    assert number_of_listeners_becomes(0, restartable)


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
