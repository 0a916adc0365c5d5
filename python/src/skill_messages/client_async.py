"""The SQL functions as methods.

Context and call are one statement: one network round trip, and on an autocommit connection one
transaction. PostgreSQL computes the SELECT list, in which the call stands, after the FROM, in which
the context stands alone. The values travel as parameters, so that no text of a message shows up in
pg_stat_activity or in the server's log.
"""

# ruff: noqa: S608
# No value is in a query, only names out of this file.

import functools
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal, TypeVar

import psycopg
from psycopg.rows import AsyncRowFactory, args_row, scalar_row
from psycopg.types.json import Jsonb

from .errors import translated
from .models import (
    Erasure,
    Id,
    M,
    Message,
    NamedMessage,
    NewMessage,
    Page,
    Row,
    Stats,
    place,
    token,
)

T = TypeVar("T")
R = TypeVar("R", bound=Row)

# Every argument is cast, lest a planted overload be a better match.
_CONTEXT = "public.set_skill_message_context(%s::pg_catalog.text, %s::pg_catalog.text)"

_dumps = functools.partial(json.dumps, default=str)  # an id may be a UUID


def _clamped(number: int | None, bits: int) -> int | None:
    """A number that fits no integer becomes the nearest one, which the function refuses by name."""
    limit = 2 ** (bits - 1) - 1
    return None if number is None else max(-limit, min(number, limit))


class AsyncSkillMessages:
    """The operations on behalf of one tenant and, for skill_messages_app, one signed-in user.

    Uses the caller's connection. On an autocommit connection every call is a transaction of its
    own; otherwise it is part of the caller's. Errors are those of ``skill_messages.errors``; all
    methods raise ``ContextMissingError`` without a tenant or, for skill_messages_app, a user,
    ``ContextConflictError`` in a transaction that acts for another one already, and
    ``InvalidArgumentError`` where an argument is out of range. Where ``user_id`` may be left out,
    the client's user is meant.

    prepare: True has the server keep each call's plan, which is faster, but not for a pooler in
    transaction mode that knows nothing of prepared statements; None leaves it to the connection's
    ``prepare_threshold``; as for ``psycopg.Cursor.execute``.
    """

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        *,
        tenant_id: Id,
        user_id: Id | None = None,
        prepare: bool | None = False,
    ) -> None:
        self._connection = connection
        self._context = (tenant_id, user_id)
        self._prepare = prepare

    async def send_skill_message(
        self,
        from_user_id: Id,
        to_user_id: Id,
        subject_skill_id: Id,
        message: str,
        proposed_parent_skill_id: Id | None = None,
        id: Id | None = None,
    ) -> str:
        """Send a message of 1 to 10,000 characters and return its id.

        A retry with the same ``id`` and content returns the id and stores nothing.

        Raises:
            IdTakenError: The id belongs to a message with other content.
            UnknownIdError: Unknown user or skill.
            InvalidMessageError: Blank or oversized message, an id over 255 bytes.
            NotAllowedError: The app role, for another user than its own.
        """
        sent_id: str = await self._value(
            """public.send_skill_message(
                from_user_id => %s::pg_catalog.text, to_user_id => %s::pg_catalog.text,
                subject_skill_id => %s::pg_catalog.text, message => %s::pg_catalog.text,
                proposed_parent_skill_id => %s::pg_catalog.text, id => %s::pg_catalog.text)""",
            *(from_user_id, to_user_id, subject_skill_id, message, proposed_parent_skill_id, id),
        )
        return sent_id

    async def send_skill_messages(self, messages: Sequence[NewMessage]) -> list[str]:
        """Send 1 to 1000 messages, all or none, and return their ids in the same order.

        Errors are those of ``send_skill_message``; they name the element, counting from 1.
        """
        sent_ids: list[str] = await self._value(
            "public.send_skill_messages(messages => %s::pg_catalog.jsonb)", Jsonb(messages, _dumps)
        )
        return sent_ids

    async def get_messages_for_user(
        self,
        user_id: Id | None = None,
        max_messages: int = 50,
        before: Message | str | None = None,
    ) -> Page[Message]:
        """Return the messages that a user received, newest first, at most 1000 a page.

        ``before`` is the ``next`` of a page, or a message: the page begins after it.
        """
        return await self._page(Message, "get_messages_for_user", user_id, max_messages, before)

    async def get_messages_from_user(
        self,
        user_id: Id | None = None,
        max_messages: int = 50,
        before: Message | str | None = None,
    ) -> Page[Message]:
        """Return the messages that a user sent; pages as ``get_messages_for_user`` does."""
        return await self._page(Message, "get_messages_from_user", user_id, max_messages, before)

    async def get_named_messages_for_user(
        self,
        user_id: Id | None = None,
        max_messages: int = 50,
        before: Message | str | None = None,
    ) -> Page[NamedMessage]:
        """``get_messages_for_user`` with the names of users and skills."""
        return await self._page(
            NamedMessage, "get_named_messages_for_user", user_id, max_messages, before
        )

    async def get_named_messages_from_user(
        self,
        user_id: Id | None = None,
        max_messages: int = 50,
        before: Message | str | None = None,
    ) -> Page[NamedMessage]:
        """``get_messages_from_user`` with the names of users and skills."""
        return await self._page(
            NamedMessage, "get_named_messages_from_user", user_id, max_messages, before
        )

    async def iter_messages_for_user(
        self, user_id: Id | None = None, page_size: int = 50
    ) -> AsyncIterator[Message]:
        """Walk through all that a user received, newest first, one page a round trip."""
        page = await self.get_messages_for_user(user_id, page_size)
        while True:
            for message in page:
                yield message
            if not page.next:
                return
            page = await self.get_messages_for_user(user_id, page_size, page.next)

    async def iter_messages_from_user(
        self, user_id: Id | None = None, page_size: int = 50
    ) -> AsyncIterator[Message]:
        """Walk through all that a user sent, newest first, one page a round trip."""
        page = await self.get_messages_from_user(user_id, page_size)
        while True:
            for message in page:
                yield message
            if not page.next:
                return
            page = await self.get_messages_from_user(user_id, page_size, page.next)

    async def get_skill_message(self, message_id: Id) -> NamedMessage:
        """Return a message that the user may see, with all names resolved.

        Raises:
            MessageNotFoundError: No such message for this tenant and user.
        """
        call = "public.get_skill_message(message_id => %s::pg_catalog.text)"
        [message] = await self._rows(NamedMessage, call, message_id)
        return message

    async def get_unread_count_for_user(
        self, user_id: Id | None = None, at_most: int | None = None
    ) -> int:
        """Return how many received messages are unread, counting no further than ``at_most``."""
        count: int = await self._value(
            """public.get_unread_count_for_user(
                user_id => %s::pg_catalog.text, at_most => %s::bigint)""",
            *(user_id, _clamped(at_most, 64)),
        )
        return count

    async def mark_message_read(self, message_id: Id) -> datetime:
        """Mark a received message as read and return when it was first read.

        Raises:
            MessageNotFoundError: No such message for this tenant and user.
        """
        call = "public.mark_message_read(message_id => %s::pg_catalog.text)"
        read_at: datetime = await self._value(call, message_id)
        return read_at

    async def mark_messages_read(
        self,
        user_id: Id | None = None,
        up_to_created_at: datetime | None = None,
        message_ids: Sequence[Id] | None = None,
    ) -> int:
        """Mark several messages that a user received as read; return how many were unread.

        ``message_ids``, at most 1000, marks exactly what was on the screen. ``up_to_created_at``,
        by default now, marks all up to a time; one that was being sent then may be among them.
        """
        if isinstance(message_ids, str):  # its characters would be taken for ids
            raise TypeError("message_ids is one string: give a list of ids")
        ids = None if message_ids is None else list(map(str, message_ids))
        marked: int = await self._value(
            """public.mark_messages_read(
                user_id => %s::pg_catalog.text, up_to_created_at => %s::pg_catalog.timestamptz,
                message_ids => %s::pg_catalog.text[])""",
            *(user_id, up_to_created_at, ids),
        )
        return marked

    async def update_message_status(
        self, message_id: Id, status: Literal["accepted", "declined"]
    ) -> Message:
        """Accept or decline a received message, once, and return it as decided.

        Raises:
            MessageNotFoundError: No such message for this tenant and user.
            AlreadyDecidedError: It was already accepted or declined.
            InvalidMessageError: Unknown status.
        """
        call = """public.update_message_status(
            message_id => %s::pg_catalog.text, status => %s::pg_catalog.text)"""
        [decided] = await self._rows(Message, call, message_id, status, status="new_status")
        return decided

    async def get_message_stats(self) -> Stats:
        """Return the figures of the tenant; for the app role, of the user's own messages."""
        [stats] = await self._rows(Stats, "public.get_message_stats()")
        return stats

    async def export_user_messages(self, user_id: Id | None = None) -> list[dict[str, Any]]:
        """Return all that a user sent or received, each message as a JSON object."""
        call = "public.export_user_messages(user_id => %s::pg_catalog.text)"
        # As text: the caller's connection may load jsonb in its own way, as Django's does.
        query = f"SELECT {call}::pg_catalog.text FROM {_CONTEXT}"
        return [json.loads(line) for line in await self._fetch(scalar_row, query, user_id)]

    async def erase_user_messages(self, user_id: Id, keep_decided: bool = True) -> Erasure:
        """Erase the texts of all that a user sent or received; for skill_messages_retention.

        What was never answered is deleted; of the rest, ids, skills, status and times stay, unless
        ``keep_decided`` is false.
        """
        call = """public.erase_user_messages(
            user_id => %s::pg_catalog.text, keep_decided => %s::boolean)"""
        [erasure] = await self._rows(Erasure, call, user_id, keep_decided)
        return erasure

    async def _page(
        self,
        row: type[M],
        function: str,
        user_id: Id | None,
        max_messages: int,
        before: Message | str | None,
    ) -> Page[M]:
        call = f"""public.{function}(
            user_id => %s::pg_catalog.text, max_messages => %s::integer,
            before_created_at => %s::pg_catalog.timestamptz, before_id => %s::pg_catalog.text)"""
        size = _clamped(max_messages, 32)
        messages = await self._rows(row, call, user_id, size, *place(before))
        return Page(messages, token(messages[-1]) if len(messages) == max_messages else None)

    async def _rows(self, row: type[R], call: str, *values: object, **renamed: str) -> list[R]:
        names = [field.name for field in fields(row)]  # not "*": a later schema may return more
        columns = ", ".join(f"(row).{renamed.get(name, name)}" for name in names)
        query = f"SELECT {columns} FROM (SELECT {call} AS row FROM {_CONTEXT}) AS called"
        return await self._fetch(args_row(row), query, *values)

    async def _value(self, call: str, *values: object) -> Any:
        [value] = await self._fetch(scalar_row, f"SELECT {call} FROM {_CONTEXT}", *values)
        return value

    async def _fetch(self, row_factory: AsyncRowFactory[T], query: str, *values: object) -> list[T]:
        cursor = psycopg.AsyncCursor(self._connection, row_factory=row_factory)
        with translated():
            async with cursor:
                await cursor.execute(
                    query.encode(), [*values, *self._context], prepare=self._prepare
                )
                return await cursor.fetchall()
