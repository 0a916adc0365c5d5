"""Multi-tenant skill messages: the operations of the schema package, on psycopg 3."""

from .client import AsyncSkillMessages, Message, SkillMessages, Status
from .errors import (
    AlreadyDecidedError,
    ContextMissingError,
    IdTakenError,
    MessageNotFoundError,
    SkillMessageError,
)

__all__ = [
    "AlreadyDecidedError",
    "AsyncSkillMessages",
    "ContextMissingError",
    "IdTakenError",
    "Message",
    "MessageNotFoundError",
    "SkillMessageError",
    "SkillMessages",
    "Status",
]
