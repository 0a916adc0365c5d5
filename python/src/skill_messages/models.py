"""What goes into the operations and what comes back; times are timezone-aware.

The rows are not frozen: that would take seven times as long to build a page of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypedDict
from uuid import UUID

Status = Literal["pending", "accepted", "declined"]


@dataclass(slots=True)
class Message:
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


@dataclass(slots=True)
class NamedMessage(Message):
    """A message with the names of what it refers to; None where the host hides or lacks one."""

    tenant_name: str | None
    from_user_name: str | None
    to_user_name: str | None
    subject_skill_name: str | None
    proposed_parent_skill_name: str | None


@dataclass(slots=True)
class Stats:
    """The figures of a tenant; counts of messages."""

    pending: int
    accepted: int
    declined: int
    unread: int
    oldest_pending_created_at: datetime | None
    median_time_to_answer: timedelta | None


@dataclass(slots=True)
class Erasure:
    """What an erasure did: messages that are gone, and messages whose text is."""

    deleted: int
    erased: int


class _Required(TypedDict):
    from_user_id: str | UUID
    to_user_id: str | UUID
    subject_skill_id: str | UUID
    message: str


class NewMessage(_Required, total=False):
    """An element of a batch: the arguments of ``send_skill_message``."""

    proposed_parent_skill_id: str | UUID | None
    id: str | UUID | None
