"""Multi-tenant skill messages: the operations of the schema package, on psycopg 3."""

from .client import AsyncSkillMessages, SkillMessages
from .errors import (
    AlreadyDecidedError,
    ContextConflictError,
    ContextMissingError,
    IdTakenError,
    MessageNotFoundError,
    SkillMessageError,
)
from .listener import Event, EventsMissed, MessageDecided, MessageSent, listen, listen_async
from .models import Erasure, Message, NamedMessage, NewMessage, Stats, Status

__version__ = "1.0.0.dev0"

__all__ = [
    "AlreadyDecidedError",
    "AsyncSkillMessages",
    "ContextConflictError",
    "ContextMissingError",
    "Erasure",
    "Event",
    "EventsMissed",
    "IdTakenError",
    "Message",
    "MessageDecided",
    "MessageNotFoundError",
    "MessageSent",
    "NamedMessage",
    "NewMessage",
    "SkillMessageError",
    "SkillMessages",
    "Stats",
    "Status",
    "listen",
    "listen_async",
]
