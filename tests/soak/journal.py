"""Clients that try again with their own ids, and what the server acknowledged to them."""

import itertools
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from typing_extensions import LiteralString, Self

from skill_messages import AlreadyDecidedError, SkillMessages
from tests.conftest import Database

T = TypeVar("T")

CLIENTS = 8
GIVES_UP = 0.3

# What was acknowledged and is not there, exactly once and as it was said. A text names its id.
LOST: dict[str, LiteralString] = {
    "message": """
        SELECT a.id FROM unnest(%s::text[], %s::text[]) AS a (id, message)
        WHERE (
            SELECT count(*) FROM skill_messages AS m
            WHERE m.id = a.id AND m.tenant_id = 'acme' AND m.message = a.message
        ) <> 1
    """,
    "decision": """
        SELECT a.id FROM unnest(%s::text[], %s::text[]) AS a (id, status)
        LEFT JOIN skill_messages AS m USING (id) WHERE m.status IS DISTINCT FROM a.status
    """,
    "reading": """
        SELECT a.id FROM unnest(%s::text[], %s::timestamptz[]) AS a (id, read_at)
        LEFT JOIN skill_messages AS m USING (id) WHERE m.read_at IS DISTINCT FROM a.read_at
    """,
}
TWICE = "SELECT message FROM skill_messages GROUP BY message HAVING count(*) > 1"


class Journal:
    """At work within the context.

    Attributes:
        acknowledged: What was said to be stored: texts, decisions, readings, each by id.
        attempts: How many messages were sent, acknowledged or not.
        interruptions: How many calls ended by a lost connection.
        wrong: What a client was told that cannot be.
        seconds: How many calls were acknowledged in each second.
    """

    def __init__(self, address: Callable[[], str], clients: int = CLIENTS) -> None:
        self.acknowledged: dict[str, dict[str, Any]] = {kind: {} for kind in LOST}
        self.attempts = self.interruptions = 0
        self.wrong: list[str] = []
        self.seconds: dict[int, int] = {}
        self._begun = time.monotonic()
        self._address = address
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=[n]) for n in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._begun

    def count(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def lost(self, database: Database) -> list[str]:
        """What is not there although it was acknowledged before, or is there twice."""
        found = list(self.wrong)
        with self._lock:
            until_now = {kind: dict(values) for kind, values in self.acknowledged.items()}
        with database.connect() as superuser:
            for kind, query in LOST.items():
                ids, values = list(until_now[kind]), list(until_now[kind].values())
                found += [f"{kind} {row[0]}" for row in superuser.execute(query, [ids, values])]
            found += [f"twice: {row[0]}" for row in superuser.execute(TWICE)]
        return found

    def _work(self, number: int) -> None:
        random_ = random.Random(number)  # noqa: S311
        connection: psycopg.Connection[Any] | None = None

        def persist(call: Callable[[SkillMessages], T]) -> T | None:
            """Again and again until it is acknowledged, or sometimes no more: then it is None."""
            nonlocal connection
            while not self._stop.is_set():
                try:
                    if connection is None or connection.closed:
                        connection = psycopg.connect(self._address(), autocommit=True)
                    return call(SkillMessages(connection, tenant_id="acme"))
                except psycopg.OperationalError:
                    if connection and connection.closed:
                        with self._lock:
                            self.interruptions += 1
                        connection = None
                        if random_.random() < GIVES_UP:
                            return None
                    self._stop.wait(0.02)
                except psycopg.Error as error:
                    self.wrong.append(f"unexpected {error.sqlstate}: {error}")
                    return None
            return None

        for turn in itertools.count():
            if self._stop.is_set():
                break
            self._live(f"{number}-{turn}", random_.choice(["accepted", "declined"]), persist)
        if connection:
            connection.close()

    def _live(self, id: str, status: str, persist: Callable[..., Any]) -> None:
        """The life of a message: sent, decided, read."""
        with self._lock:
            self.attempts += 1
        text = f"Text of {id}"
        sent = persist(lambda c: c.send_skill_message("ann", "bob", "sql", text, id=id))
        self._note("message", id, sent and text)
        if sent:
            decided = persist(lambda c: _decide(c, id, status))
            self._note("decision", id, decided)
            if decided not in (None, status):
                self.wrong.append(f"{id} is {decided}, not {status}")
            self._note("reading", id, persist(lambda c: c.mark_message_read(id)))

    def _note(self, kind: str, id: str, value: str | datetime | None) -> None:
        if value is not None:
            with self._lock:
                self.acknowledged[kind][id] = value
                second = int(self.elapsed())
                self.seconds[second] = self.seconds.get(second, 0) + 1


def _decide(client: SkillMessages, id: str, status: Any) -> str:
    """What is decided; an attempt before whose answer was lost counts, too."""
    try:
        return client.update_message_status(id, status).status
    except AlreadyDecidedError:
        return client.get_skill_message(id).status
