"""Live signals of what was sent and decided, for as long as the database has them switched on.

Signals carry ids, never content, and are hints that nobody vouches for: anybody who may connect to
the database can send one. Fetch the message, or refresh a badge, as the user concerned before
believing it. Signals are not stored: after a lost connection an ``EventsMissed`` says that some may
have gone by.
"""

import contextlib
import json
import logging
import re
from dataclasses import dataclass
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
LISTEN = "; ".join(
    [*(f"LISTEN {channel}" for channel in _CHANNELS), "SET client_encoding TO 'UTF8'"]
).encode()

_TEXT = re.compile(r"[^\0\ud800-\udfff]*")  # what PostgreSQL can store; JSON can spell more

_log = logging.getLogger("skill_messages")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(values := dict(pairs)) < len(pairs):
        raise ValueError("a key is given twice")
    return values


def event_of(notify: psycopg.Notify) -> Event | None:
    """The event, or None and a warning if the payload is not of the form that ours have."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        values: dict[str, Any] = json.loads(notify.payload, object_pairs_hook=_each_key_once)
        event = _CHANNELS[notify.channel](**values)
        if all(isinstance(value, str) and _TEXT.fullmatch(value) for value in values.values()):
            return event
    _log.warning("skipped a notification on %s: %r", notify.channel, notify.payload[:100])
    return None
