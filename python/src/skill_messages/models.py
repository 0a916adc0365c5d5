"""What goes into the operations and what comes back; times are timezone-aware."""

import base64
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, TypeVar
from uuid import UUID

from .errors import InvalidArgumentError

Id = str | UUID
Status = Literal["pending", "accepted", "declined"]


@dataclass(slots=True)
class Row:
    """What all rows have in common: they can be compared, hashed and turned into dict and JSON.

    They are not frozen: that would take seven times as long to build a page of them.
    """

    def to_dict(self) -> dict[str, Any]:
        """Return the columns by name, as Python values."""
        return asdict(self)

    def to_json(self) -> str:
        """Return a JSON object: times as ISO 8601, a duration as seconds."""
        return json.dumps(self.to_dict(), default=_plain)


def _plain(value: datetime | timedelta) -> str | float:
    return value.isoformat() if isinstance(value, datetime) else value.total_seconds()


@dataclass(slots=True, unsafe_hash=True)
class Message(Row):
    """A row of ``skill_messages``."""

    id: str
    tenant_id: str
    from_user_id: str
    to_user_id: str
    subject_skill_id: str
    proposed_parent_skill_id: str | None
    message: str
    status: Status
    created_at: datetime
    read_at: datetime | None
    answered_at: datetime | None


@dataclass(slots=True, unsafe_hash=True)
class NamedMessage(Message):
    """A message with the names of what it refers to; None where the host hides or lacks one."""

    tenant_name: str | None
    from_user_name: str | None
    to_user_name: str | None
    subject_skill_name: str | None
    proposed_parent_skill_name: str | None


@dataclass(slots=True, unsafe_hash=True)
class Stats(Row):
    """The figures of a tenant; counts of messages."""

    pending: int
    accepted: int
    declined: int
    unread: int
    oldest_pending_created_at: datetime | None
    median_time_to_answer: timedelta | None


@dataclass(slots=True, unsafe_hash=True)
class Erasure(Row):
    """What an erasure did: messages that are gone, and messages whose text is."""

    deleted: int
    erased: int


class _Required(TypedDict):
    from_user_id: Id
    to_user_id: Id
    subject_skill_id: Id
    message: str


class NewMessage(_Required, total=False):
    """An element of a batch: the arguments of ``send_skill_message``."""

    proposed_parent_skill_id: Id | None
    id: Id | None


M = TypeVar("M", bound=Message)


class Page(list[M]):
    """A list of messages, newest first, that knows where the page after it begins.

    ``next`` goes into the ``before`` of the next call: an opaque string of letters, digits, ``-``
    and ``_``, fit for a URL. It is None where this page is not full, and so the last one.
    """

    next: str | None

    def __init__(self, messages: Iterable[M] = (), next: str | None = None) -> None:
        super().__init__(messages)
        self.next = next


def token(message: Message) -> str:
    """The place of a message in a box, as one opaque string."""
    text = json.dumps([message.created_at.isoformat(), message.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place(before: Message | str | None) -> tuple[datetime | None, str | None]:
    """The time and the id after which a page begins.

    Raises:
        InvalidArgumentError: A string that is not the ``next`` of a page.
    """
    if not before:
        return None, None
    if isinstance(before, Message):
        return before.created_at, before.id
    try:
        text = base64.b64decode(before + "=" * (-len(before) % 4), altchars=b"-_", validate=True)
        created_at, message_id = json.loads(text)
        return datetime.fromisoformat(created_at), str(message_id)
    except (ValueError, TypeError, RecursionError):
        raise InvalidArgumentError(
            "before is not the next of a page", hint="Begin with the first page again."
        ) from None
