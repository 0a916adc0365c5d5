"""Listening for events."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import psycopg

from .events import LISTEN, Event, EventsMissed, event_of

_POLL = 0.5  # seconds after which to look whether to stop


async def listen_async(
    connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]],
    *,
    retry_delay: float = 1.0,
    timeout: float | None = None,
    stop: asyncio.Event | None = None,
) -> AsyncGenerator[Event, None]:
    """Yield events until told to stop or the caller leaves the loop; reconnect when needed.

    Anybody may have sent them: fetch the message as the user concerned before believing one.
    Payloads of another form than ours are skipped, with a warning to logger ``skill_messages``.

    Args:
        connect: Opens a connection for this alone, straight to the server: a pool in transaction
            mode delivers no notifications. Set TCP keepalives, lest a lost peer go unnoticed, and
            connect_timeout: an attempt to connect is not cut short by ``timeout`` or ``stop``.
        retry_delay: Seconds between attempts to reconnect.
        timeout: Seconds to listen altogether, connected or not; None for ever.
        stop: Once it is set, the events end within a second.

    Raises:
        psycopg.OperationalError: The first attempt to connect failed.
    """
    stop = stop or asyncio.Event()
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    first: psycopg.AsyncConnection[Any] | None = await connect()
    missed = False
    while first or (time.monotonic() < deadline and not stop.is_set()):
        try:
            async with first or await connect() as connection:
                first = None
                await connection.set_autocommit(True)
                await connection.execute(LISTEN)
                if missed:
                    yield EventsMissed()
                while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
                    # Never left halfway: what came along with the last one would be lost.
                    async for notify in connection.notifies(timeout=min(left, _POLL)):
                        if event := event_of(notify):
                            yield event
        except psycopg.OperationalError:
            missed = True
            again = min(time.monotonic() + retry_delay, deadline)
            while (left := again - time.monotonic()) > 0 and not stop.is_set():
                await asyncio.sleep(min(left, _POLL))
