"""The SQL functions as methods, sync and async.

Each operation is written once, as a description of its call; the two classes differ only in
awaiting it. Context and call are one statement, hence one round trip and, on an autocommit
connection, one transaction.
"""

import functools
import json
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, fields, replace
from datetime import datetime
from types import MethodType
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, cast, overload
from uuid import UUID

import psycopg
from psycopg.rows import RowFactory, args_row, scalar_row
from psycopg.types.json import Jsonb

from .errors import translated
from .models import Erasure, Message, NamedMessage, NewMessage, Stats

P = ParamSpec("P")
T = TypeVar("T")


# An id may be a UUID.
_dumps = functools.partial(json.dumps, default=str)


@dataclass(frozen=True)
class Argument:
    """A value, and the SQL type that it is cast to: no overload can be a better match."""

    value: object
    type: str


def _text(value: str | UUID | None) -> Argument:
    return Argument(value, "pg_catalog.text")


def _texts(values: Sequence[str | UUID] | None) -> Argument:
    if isinstance(values, str):  # its characters would be taken for ids
        raise TypeError("message_ids is one string: give a list of ids")
    return Argument(None if values is None else list(map(str, values)), "pg_catalog.text[]")


def _integer(value: int) -> Argument:
    # What fits no integer becomes the nearest one, which the function refuses by name.
    return Argument(min(max(value, -(2**31)), 2**31 - 1), "integer")


def _bigint(value: int | None) -> Argument:
    return Argument(value and min(max(value, -(2**63)), 2**63 - 1), "bigint")


def _time(value: datetime | None) -> Argument:
    return Argument(value, "pg_catalog.timestamptz")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call of a SQL function: what to send, and how to read what comes back."""

    function: str
    arguments: Mapping[str, Argument]
    columns: tuple[str, ...]
    row_factory: RowFactory[Any]
    read: Callable[[list[Any]], T]


def _value(function: str, **arguments: Argument) -> Call[Any]:
    return Call(function, arguments, (), scalar_row, lambda rows: rows[0])


def _rows(row: type[T], function: str, **arguments: Argument) -> Call[list[T]]:
    # Named, not "*": a later schema may return more.
    columns = tuple(field.name for field in fields(cast(Any, row)))
    return Call(function, arguments, columns, args_row(row), list)


def _row(row: type[T], function: str, **arguments: Argument) -> Call[T]:
    call = _rows(row, function, **arguments)
    return Call(function, arguments, call.columns, call.row_factory, lambda rows: rows[0])


@functools.cache
def _query(
    function: str, columns: tuple[str, ...], arguments: tuple[tuple[str, str], ...]
) -> bytes:
    """The call in the SELECT list, which PostgreSQL computes after the context in the FROM."""
    # No value is in here, only names out of this file.
    named = ", ".join(f"{name} => %({name})s::{sql_type}" for name, sql_type in arguments)
    context = (
        "public.set_skill_message_context("
        "%(context_tenant_id)s::pg_catalog.text, %(context_user_id)s::pg_catalog.text)"
    )
    query = f"SELECT public.{function}({named}) AS row FROM {context}"  # noqa: S608
    if columns:
        query = f"SELECT {', '.join(f'(row).{name}' for name in columns)} FROM ({query}) AS called"  # noqa: S608
    return query.encode()


class operation(Generic[P, T]):  # noqa: N801
    """Turns a method that describes a call into one that makes it, awaited in the async class."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self._describe = describe
        functools.update_wrapper(self, describe)

    @overload
    def __get__(self, client: None, owner: type) -> "operation[P, T]": ...
    @overload
    def __get__(self, client: "SkillMessages", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, client: "AsyncSkillMessages", owner: type
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        return self if client is None else MethodType(self, client)

    def __call__(self, client: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return client._run(self._describe(client, *args, **kwargs))


class _Operations:
    def __init__(
        self, tenant_id: str | UUID, user_id: str | UUID | None, prepare: bool | None
    ) -> None:
        self._context: dict[str, object] = {
            "context_tenant_id": tenant_id,
            "context_user_id": user_id,
        }
        self._prepare = prepare

    def _statement(self, call: Call[Any]) -> tuple[bytes, dict[str, object], bool | None]:
        types = tuple((name, argument.type) for name, argument in call.arguments.items())
        values = {name: argument.value for name, argument in call.arguments.items()}
        return _query(call.function, call.columns, types), self._context | values, self._prepare

    @operation
    def send_skill_message(
        self,
        from_user_id: str | UUID,
        to_user_id: str | UUID,
        subject_skill_id: str | UUID,
        message: str,
        proposed_parent_skill_id: str | UUID | None = None,
        id: str | UUID | None = None,
    ) -> Call[str]:
        """Send a message of 1 to 10,000 characters and return its id.

        A retry with the same ``id`` and content returns the id and stores nothing.

        Raises:
            IdTakenError: The id belongs to a message with other content.
            psycopg.errors.ForeignKeyViolation: Unknown user or skill.
            psycopg.errors.CheckViolation: Blank or oversized message.
            psycopg.errors.InsufficientPrivilege: The app role, for another user than its own.
        """
        return _value(
            "send_skill_message",
            from_user_id=_text(from_user_id),
            to_user_id=_text(to_user_id),
            subject_skill_id=_text(subject_skill_id),
            message=_text(message),
            proposed_parent_skill_id=_text(proposed_parent_skill_id),
            id=_text(id),
        )

    @operation
    def send_skill_messages(self, messages: Sequence[NewMessage]) -> Call[list[str]]:
        """Send 1 to 1000 messages, all or none, and return their ids in the same order.

        Errors are those of ``send_skill_message``; they name the element, counting from 1.
        """
        return _value(
            "send_skill_messages", messages=Argument(Jsonb(messages, _dumps), "pg_catalog.jsonb")
        )

    @operation
    def get_messages_for_user(
        self,
        user_id: str | UUID | None = None,
        max_messages: int = 50,
        before_created_at: datetime | None = None,
        before_id: str | UUID | None = None,
    ) -> Call[list[Message]]:
        """Return the messages that a user received, newest first, at most 1000 a page.

        Here and wherever a user may be left out, the one in the context is meant.
        The two ``before_`` arguments, from the last message of a page, give the page after it.

        Raises:
            psycopg.errors.InvalidParameterValue: An argument is out of range.
        """
        return _rows(
            Message,
            "get_messages_for_user",
            user_id=_text(user_id),
            max_messages=_integer(max_messages),
            before_created_at=_time(before_created_at),
            before_id=_text(before_id),
        )

    @operation
    def get_messages_from_user(
        self,
        user_id: str | UUID | None = None,
        max_messages: int = 50,
        before_created_at: datetime | None = None,
        before_id: str | UUID | None = None,
    ) -> Call[list[Message]]:
        """Return the messages that a user sent; pages as ``get_messages_for_user`` does."""
        return _rows(
            Message,
            "get_messages_from_user",
            user_id=_text(user_id),
            max_messages=_integer(max_messages),
            before_created_at=_time(before_created_at),
            before_id=_text(before_id),
        )

    @operation
    def get_skill_message(self, message_id: str | UUID) -> Call[NamedMessage]:
        """Return a message that the user may see, with all names resolved.

        Raises:
            MessageNotFoundError: No such message for this tenant and user.
        """
        return _row(NamedMessage, "get_skill_message", message_id=_text(message_id))

    @operation
    def get_unread_count_for_user(
        self, user_id: str | UUID | None = None, at_most: int | None = None
    ) -> Call[int]:
        """Return how many received messages are unread, counting no further than ``at_most``.

        Raises:
            psycopg.errors.InvalidParameterValue: An argument is out of range.
        """
        return _value("get_unread_count_for_user", user_id=_text(user_id), at_most=_bigint(at_most))

    @operation
    def mark_message_read(self, message_id: str | UUID) -> Call[datetime]:
        """Mark a received message as read and return when it was first read.

        Raises:
            MessageNotFoundError: No such message for this tenant and user.
        """
        return _value("mark_message_read", message_id=_text(message_id))

    @operation
    def update_message_status(
        self, message_id: str | UUID, status: Literal["accepted", "declined"]
    ) -> Call[Message]:
        """Accept or decline a received message, once, and return it as decided.

        Raises:
            MessageNotFoundError: No such message for this tenant and user.
            AlreadyDecidedError: It was already accepted or declined.
            psycopg.errors.CheckViolation: Unknown status.
        """
        decided = _row(
            Message, "update_message_status", message_id=_text(message_id), status=_text(status)
        )
        renamed = {"status": "new_status"}
        return replace(decided, columns=tuple(renamed.get(name, name) for name in decided.columns))

    @operation
    def mark_messages_read(
        self,
        user_id: str | UUID | None = None,
        up_to_created_at: datetime | None = None,
        message_ids: Sequence[str | UUID] | None = None,
    ) -> Call[int]:
        """Mark several messages that a user received as read; return how many were unread.

        ``message_ids``, at most 1000, marks exactly what was on the screen. ``up_to_created_at``,
        by default now, marks all up to a time; one that was being sent then may be among them.
        """
        return _value(
            "mark_messages_read",
            user_id=_text(user_id),
            up_to_created_at=_time(up_to_created_at),
            message_ids=_texts(message_ids),
        )

    @operation
    def get_message_stats(self) -> Call[Stats]:
        """Return the figures of the tenant; for the app role, of the user's own messages."""
        return _row(Stats, "get_message_stats")

    @operation
    def export_user_messages(self, user_id: str | UUID | None = None) -> Call[list[dict[str, Any]]]:
        """Return all that a user sent or received, each message as a JSON object."""
        return Call("export_user_messages", {"user_id": _text(user_id)}, (), scalar_row, list)

    @operation
    def erase_user_messages(self, user_id: str | UUID, keep_decided: bool = True) -> Call[Erasure]:
        """Erase the texts of all that a user sent or received; for skill_messages_retention.

        What was never answered is deleted; of the rest, ids, skills, status and times stay, unless
        ``keep_decided`` is false.
        """
        keep = Argument(keep_decided, "boolean")
        return _row(Erasure, "erase_user_messages", user_id=_text(user_id), keep_decided=keep)


def _page_after(page: list[Message], page_size: int) -> dict[str, Any] | None:
    """The arguments of the page after this one, or None if this was the last."""
    if len(page) < page_size:
        return None
    return {"before_created_at": page[-1].created_at, "before_id": page[-1].id}


class SkillMessages(_Operations):
    """The operations on behalf of one tenant and, for skill_messages_app, one signed-in user.

    Uses the caller's connection. On an autocommit connection every call is a transaction of its
    own; otherwise it is part of the caller's. All methods raise ``ContextMissingError`` without a
    tenant or, for skill_messages_app, a user, and ``ContextConflictError`` in a transaction that
    acts for another one already.

    prepare: True has the server keep each call's plan, which is faster, but not for a pooler in
    transaction mode that knows nothing of prepared statements; None leaves it to the connection's
    ``prepare_threshold``; as for ``psycopg.Cursor.execute``.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        *,
        tenant_id: str | UUID,
        user_id: str | UUID | None = None,
        prepare: bool | None = False,
    ) -> None:
        super().__init__(tenant_id, user_id, prepare)
        self._connection = connection

    def _run(self, call: Call[T]) -> T:
        query, arguments, prepare = self._statement(call)
        cursor = psycopg.Cursor(self._connection, row_factory=call.row_factory)
        with translated(), cursor:
            cursor.execute(query, arguments, prepare=prepare)
            return call.read(cursor.fetchall())

    def iter_messages_for_user(
        self, user_id: str | UUID | None = None, page_size: int = 50
    ) -> Iterator[Message]:
        """Walk through all that a user received, newest first, one page a round trip."""
        return self._walk(self.get_messages_for_user, user_id, page_size)

    def iter_messages_from_user(
        self, user_id: str | UUID | None = None, page_size: int = 50
    ) -> Iterator[Message]:
        """Walk through all that a user sent, newest first, one page a round trip."""
        return self._walk(self.get_messages_from_user, user_id, page_size)

    def _walk(
        self, get: Callable[..., list[Message]], user_id: str | UUID | None, page_size: int
    ) -> Iterator[Message]:
        after: dict[str, Any] | None = {}
        while after is not None:
            page = get(user_id, page_size, **after)
            yield from page
            after = _page_after(page, page_size)


class AsyncSkillMessages(_Operations):
    """``SkillMessages`` for an ``AsyncConnection``: the same methods, awaited."""

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        *,
        tenant_id: str | UUID,
        user_id: str | UUID | None = None,
        prepare: bool | None = False,
    ) -> None:
        super().__init__(tenant_id, user_id, prepare)
        self._connection = connection

    async def _run(self, call: Call[T]) -> T:
        query, arguments, prepare = self._statement(call)
        cursor = psycopg.AsyncCursor(self._connection, row_factory=call.row_factory)
        with translated():
            async with cursor:
                await cursor.execute(query, arguments, prepare=prepare)
                return call.read(await cursor.fetchall())

    def iter_messages_for_user(
        self, user_id: str | UUID | None = None, page_size: int = 50
    ) -> AsyncIterator[Message]:
        """Walk through all that a user received, newest first, one page a round trip."""
        return self._walk(self.get_messages_for_user, user_id, page_size)

    def iter_messages_from_user(
        self, user_id: str | UUID | None = None, page_size: int = 50
    ) -> AsyncIterator[Message]:
        """Walk through all that a user sent, newest first, one page a round trip."""
        return self._walk(self.get_messages_from_user, user_id, page_size)

    async def _walk(
        self,
        get: Callable[..., Awaitable[list[Message]]],
        user_id: str | UUID | None,
        page_size: int,
    ) -> AsyncIterator[Message]:
        after: dict[str, Any] | None = {}
        while after is not None:
            page = await get(user_id, page_size, **after)
            for message in page:
                yield message
            after = _page_after(page, page_size)
