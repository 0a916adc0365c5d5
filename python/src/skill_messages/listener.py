"""Live signals of what was sent and decided, for as long as the database has them switched on.

Signals carry ids, never content: fetch the message, or refresh a badge, as the user concerned. They
are not stored: after a lost connection an ``EventsMissed`` says that some may have gone by.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass(frozen=True)
class MessageSent:
    """A message was sent; ``user_id`` is its recipient."""

    tenant_id: str
    user_id: str
    message_id: str


@dataclass(frozen=True)
class MessageDecided:
    """A message was accepted or declined; ``user_id`` is its sender."""

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

# One message to the server: nothing can go by between the two.
_LISTEN = b"; ".join(b"LISTEN " + channel.encode() for channel in _CHANNELS)


def _event(notify: psycopg.Notify) -> Event:
    return _CHANNELS[notify.channel](**json.loads(notify.payload))


def listen(
    connect: Callable[[], psycopg.Connection[Any]], *, retry_delay: float = 1.0
) -> Generator[Event, None, None]:
    """Yield events until the caller leaves the loop, reconnecting as often as it takes.

    Args:
        connect: Opens a connection for this alone, straight to the server: a pool in transaction
            mode delivers no notifications. Set TCP keepalives, lest a lost peer go unnoticed.
        retry_delay: Seconds between attempts to reconnect.

    Raises:
        psycopg.OperationalError: The first attempt to connect failed.
    """
    first: psycopg.Connection[Any] | None = connect()
    missed = False
    while True:
        try:
            with first or connect() as connection:
                first = None
                connection.autocommit = True
                connection.execute(_LISTEN)
                if missed:
                    yield EventsMissed()
                for notify in connection.notifies():
                    yield _event(notify)
        except psycopg.OperationalError:
            missed = True
            time.sleep(retry_delay)


async def listen_async(
    connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]], *, retry_delay: float = 1.0
) -> AsyncGenerator[Event, None]:
    """``listen`` for asyncio: the same events, errors and arguments."""
    first: psycopg.AsyncConnection[Any] | None = await connect()
    missed = False
    while True:
        try:
            async with first or await connect() as connection:
                first = None
                await connection.set_autocommit(True)
                await connection.execute(_LISTEN)
                if missed:
                    yield EventsMissed()
                async for notify in connection.notifies():
                    yield _event(notify)
        except psycopg.OperationalError:
            missed = True
            await asyncio.sleep(retry_delay)
