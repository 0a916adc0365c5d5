"""Multi-tenant skill messages: the operations of the schema package, on psycopg 3."""

from .client import SkillMessages
from .client_async import AsyncSkillMessages
from .errors import (
    AlreadyDecidedError,
    ContextConflictError,
    ContextMissingError,
    DeadlockError,
    IdTakenError,
    InvalidArgumentError,
    InvalidMessageError,
    MessageNotFoundError,
    NotAllowedError,
    ReadOnlyError,
    SkillMessageError,
    TransactionConflictError,
    UnknownIdError,
)
from .events import Event, EventsMissed, MessageDecided, MessageSent
from .listener import listen
from .listener_async import listen_async
from .models import Erasure, Id, Message, NamedMessage, NewMessage, Page, Stats, Status

__version__ = "1.0.0"

__all__ = [
    "AlreadyDecidedError",
    "AsyncSkillMessages",
    "ContextConflictError",
    "ContextMissingError",
    "DeadlockError",
    "Erasure",
    "Event",
    "EventsMissed",
    "Id",
    "IdTakenError",
    "InvalidArgumentError",
    "InvalidMessageError",
    "Message",
    "MessageDecided",
    "MessageNotFoundError",
    "MessageSent",
    "NamedMessage",
    "NewMessage",
    "NotAllowedError",
    "Page",
    "ReadOnlyError",
    "SkillMessageError",
    "SkillMessages",
    "Stats",
    "Status",
    "TransactionConflictError",
    "UnknownIdError",
    "listen",
    "listen_async",
]
