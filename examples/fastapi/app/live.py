"""News for the browsers of this process: one listener, and one stream for each page that is open.

A signal of PostgreSQL is a hint that anybody with a login could have sent. So a browser only hears
that there is news. Then it fetches the page again, as the signed-in user.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from skill_messages import EventsMissed, listen_async

from .session import Me

log = logging.getLogger(__name__)

Person = tuple[str, str]  # tenant and user: users of two tenants may have the same id


class Hub:
    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self._streams: defaultdict[Person, set[asyncio.Event]] = defaultdict(set)

    async def run(self, connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]) -> None:
        try:
            async for event in listen_async(connect, stop=self.closed):
                if isinstance(event, EventsMissed):
                    self._tell(*self._streams)
                else:
                    self._tell((event.tenant_id, event.user_id))
        except psycopg.OperationalError:
            log.exception("There is no live news, because nothing listens")

    def _tell(self, *people: Person) -> None:
        for person in people:
            for news in self._streams.get(person, ()):
                news.set()

    def close(self) -> None:
        """Ends all streams, and run()."""
        self.closed.set()
        self._tell(*self._streams)

    @contextmanager
    def stream(self, person: Person) -> Generator[asyncio.Event]:
        """Is set when there is news. However much comes at once, it is one piece of news."""
        news = asyncio.Event()
        self._streams[person].add(news)
        try:
            yield news
        finally:
            self._streams[person].remove(news)
            if not self._streams[person]:
                del self._streams[person]


router = APIRouter()


@router.get("/events", response_class=EventSourceResponse, include_in_schema=False)
async def events(request: Request, me: Me) -> AsyncIterator[ServerSentEvent]:
    hub: Hub = request.app.state.hub
    with hub.stream((request.session["tenant_id"], me)) as news:
        while not hub.closed.is_set():
            # The first is for what happened between the page and this stream.
            yield ServerSentEvent(data="news")
            await news.wait()
            news.clear()
