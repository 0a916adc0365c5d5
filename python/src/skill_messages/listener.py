"""Live signals of what was sent and decided, for as long as the database has them switched on.

Signals carry ids, never content, and are hints that nobody vouches for: anybody who may connect to
the database can send one. Fetch the message, or refresh a badge, as the user concerned before
believing it. Signals are not stored: after a lost connection an ``EventsMissed`` says that some may
have gone by.
"""

import asyncio
import contextlib
import json
import logging
import re
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass, fields
from typing import Any

import psycopg


@dataclass(frozen=True)
class MessageSent:
    """A message is said to have been sent; ``user_id`` is its recipient."""

    tenant_id: str
    user_id: str
    message_id: str


@dataclass(frozen=True)
class MessageDecided:
    """A message is said to have been accepted or declined; ``user_id`` is its sender."""

    tenant_id: str
    user_id: str
    message_id: str


@dataclass(frozen=True)
class EventsMissed:
    """The connection was lost and is back; events in between are not told."""


Event = MessageSent | MessageDecided | EventsMissed

_CHANNELS: dict[str, type[MessageSent | MessageDecided]] = {
    "skill_message_sent": MessageSent,
    "skill_message_decided": MessageDecided,
}

# One message to the server: nothing can go by in between. UTF-8 has room for every payload.
_LISTEN = b"; ".join(b"LISTEN " + channel.encode() for channel in _CHANNELS)
_LISTEN += b"; SET client_encoding TO 'UTF8'"

_KEYS = sorted(field.name for field in fields(MessageSent))

_TEXT = re.compile(r"[^\0\ud800-\udfff]*")  # what PostgreSQL can store; JSON can spell more
_POLL = 0.5  # seconds after which to look whether to stop

_log = logging.getLogger("skill_messages")


def _event(notify: psycopg.Notify) -> Event | None:
    """The event, or None and a warning if the payload is not of the form that ours have."""
    with contextlib.suppress(ValueError, RecursionError):
        # Objects as tuples of pairs: a key given twice stays visible, and arrays are lists.
        pairs = json.loads(notify.payload, object_pairs_hook=tuple)
        if (
            isinstance(pairs, tuple)
            and sorted(key for key, _ in pairs) == _KEYS
            and all(isinstance(value, str) and _TEXT.fullmatch(value) for _, value in pairs)
        ):
            return _CHANNELS[notify.channel](**dict(pairs))
    _log.warning("skipped a notification on %s: %r", notify.channel, notify.payload[:100])
    return None


def listen(
    connect: Callable[[], psycopg.Connection[Any]],
    *,
    retry_delay: float = 1.0,
    timeout: float | None = None,
    stop: threading.Event | None = None,
) -> Generator[Event, None, None]:
    """Yield events until told to stop or the caller leaves the loop; reconnect when needed.

    Anybody may have sent them: fetch the message as the user concerned before believing one.
    Payloads of another form than ours are skipped, with a warning to logger ``skill_messages``.

    Args:
        connect: Opens a connection for this alone, straight to the server: a pool in transaction
            mode delivers no notifications. Set TCP keepalives, lest a lost peer go unnoticed, and
            connect_timeout: an attempt to connect is not cut short by ``timeout`` or ``stop``.
        retry_delay: Seconds between attempts to reconnect.
        timeout: Seconds to listen altogether, connected or not; None for ever.
        stop: Set it from another thread, and the events end within a second.

    Raises:
        psycopg.OperationalError: The first attempt to connect failed.
    """
    stop = stop or threading.Event()
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    first: psycopg.Connection[Any] | None = connect()
    missed = False
    while first or (time.monotonic() < deadline and not stop.is_set()):
        try:
            with first or connect() as connection:
                first = None
                connection.autocommit = True
                connection.execute(_LISTEN)
                if missed:
                    yield EventsMissed()
                while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
                    # Never left halfway: what came along with the last one would be lost.
                    for notify in connection.notifies(timeout=min(left, _POLL)):
                        if event := _event(notify):
                            yield event
        except psycopg.OperationalError:
            missed = True
            stop.wait(min(retry_delay, deadline - time.monotonic()))


async def listen_async(
    connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]],
    *,
    retry_delay: float = 1.0,
    timeout: float | None = None,
) -> AsyncGenerator[Event, None]:
    """``listen`` for asyncio: the same events, errors and arguments.

    There is no ``stop``: cancel the task that listens.
    """
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    first: psycopg.AsyncConnection[Any] | None = await connect()
    missed = False
    while first or time.monotonic() < deadline:
        try:
            async with first or await connect() as connection:
                first = None
                await connection.set_autocommit(True)
                await connection.execute(_LISTEN)
                if missed:
                    yield EventsMissed()
                while (left := deadline - time.monotonic()) > 0:
                    async for notify in connection.notifies(timeout=min(left, _POLL)):
                        if event := _event(notify):
                            yield event
        except psycopg.OperationalError:
            missed = True
            await asyncio.sleep(min(retry_delay, deadline - time.monotonic()))
