"""One exception class for each SQLSTATE that the schema defines.

What PostgreSQL itself has a code for arrives as psycopg's own class: ``ForeignKeyViolation`` (an
unknown user or skill), ``CheckViolation`` (blank or oversized message, unknown status),
``InvalidParameterValue`` (an argument is null or out of range), ``InsufficientPrivilege``.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import Diagnostic


class SkillMessageError(psycopg.DatabaseError):
    """An error that the schema raised; ``hint`` says what to do about it."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(str(error.diag.message_primary))
        self._diag = error.diag
        self.hint = error.diag.message_hint

    @property
    def diag(self) -> Diagnostic:
        return self._diag


class ContextMissingError(SkillMessageError):
    """No tenant in the context or, for skill_messages_app, no user."""

    sqlstate = "SM001"


class MessageNotFoundError(SkillMessageError):
    """No such message for this tenant and user; whether it exists elsewhere is not told."""

    sqlstate = "SM002"


class AlreadyDecidedError(SkillMessageError):
    """The message was already accepted or declined."""

    sqlstate = "SM003"


class IdTakenError(SkillMessageError):
    """This id is taken by a message with other content."""

    sqlstate = "SM004"


class ContextConflictError(SkillMessageError):
    """The transaction or session already acts for another tenant or user."""

    sqlstate = "SM005"


_BY_SQLSTATE: dict[str | None, type[SkillMessageError]] = {
    error.sqlstate: error for error in SkillMessageError.__subclasses__()
}


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the schema raised within as one of the classes above."""
    try:
        yield
    except psycopg.Error as error:
        if known := _BY_SQLSTATE.get(error.sqlstate):
            raise known(error) from error
        raise
