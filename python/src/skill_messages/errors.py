"""One exception class for each SQLSTATE that the operations document.

Each has ``sqlstate``, ``hint`` (for the developer), ``http_status`` and ``user_message`` (for the
person in front of the page). Where psycopg has a class for the SQLSTATE, ours is one of that, too.
"""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg.pq.abc import PGresult


class SkillMessageError(psycopg.DatabaseError):
    """What an operation refused. To be raised in tests, too: ``MessageNotFoundError("m1")``."""

    sqlstate: str | None
    hint: str = "Look up the SQLSTATE in the documentation of skill-messages."
    http_status: int = 500
    user_message: str = "Something went wrong. Please try again."

    def __init__(
        self, message: str = "", *, hint: str | None = None, info: PGresult | None = None
    ) -> None:
        super().__init__(message, info=info)
        if info:
            self.sqlstate = self.diag.sqlstate
        if hint:
            self.hint = hint


class ContextMissingError(SkillMessageError):
    """No tenant in the context or, for skill_messages_app, no user."""

    sqlstate: str | None = "SM001"
    hint = "Give the client a tenant_id and, for skill_messages_app, a user_id."
    http_status = 401
    user_message = "Please sign in."


class MessageNotFoundError(SkillMessageError):
    """No such message for this tenant and user; whether it exists elsewhere is not told."""

    sqlstate: str | None = "SM002"
    hint = "Show it as one that does not exist."
    http_status = 404
    user_message = "There is no such message."


class AlreadyDecidedError(SkillMessageError):
    """The message was already accepted or declined."""

    sqlstate: str | None = "SM003"
    hint = "A decision is final. Fetch the message to see it."
    http_status = 409
    user_message = "This message has already been answered."


class IdTakenError(SkillMessageError):
    """This id is taken by a message with other content."""

    sqlstate: str | None = "SM004"
    hint = "Leave the id out, or choose another one."
    http_status = 409
    user_message = "This message was already sent with other content."


class ContextConflictError(SkillMessageError):
    """The transaction or session already acts for another tenant or user."""

    sqlstate: str | None = "SM005"
    hint = "Use one client a transaction."


class UnknownIdError(SkillMessageError, errors.ForeignKeyViolation):
    """An unknown user or skill."""

    hint = "Use users and skills of this tenant."
    http_status = 422
    user_message = "This person or skill does not exist any more."


class InvalidMessageError(SkillMessageError, errors.CheckViolation):
    """A blank or oversized message, an id over 255 bytes, or an unknown status."""

    hint = "Send 1 to 10,000 characters, of which one is visible."
    http_status = 422
    user_message = "Please write a message of 1 to 10,000 characters."


class InvalidArgumentError(SkillMessageError, errors.InvalidParameterValue):
    """An argument is missing, out of range, or no text that PostgreSQL can store."""

    hint = "Send text without NUL characters and lone surrogates."
    http_status = 422
    user_message = "The request has a value that is not valid."


class NotAllowedError(SkillMessageError, errors.InsufficientPrivilege):
    """The login or the signed-in user may not do this."""

    hint = "The login needs skill_messages_app or skill_messages_service."
    http_status = 403
    user_message = "You may not do this."


class ReadOnlyError(SkillMessageError, errors.ReadOnlySqlTransaction):
    """A write in a transaction, or on a server, that is read-only."""

    hint = "Write on the primary server, in a transaction that may write."
    http_status = 503
    user_message = "Messages can only be read at the moment. Please try again later."


class TransactionConflictError(SkillMessageError, errors.SerializationFailure):
    """Above READ COMMITTED: somebody changed the message after this transaction began."""

    hint = "Run the transaction again."
    http_status = 503
    user_message = "Somebody was faster. Please try again."


class DeadlockError(SkillMessageError, errors.DeadlockDetected):
    """This transaction and another one waited for each other."""

    hint = "Run the transaction again."
    http_status = 503
    user_message = "Somebody was faster. Please try again."


_BY_SQLSTATE: dict[str | None, type[SkillMessageError]] = {
    known.sqlstate: known for known in SkillMessageError.__subclasses__()
} | dict.fromkeys(("22P02", "22P05"), InvalidArgumentError)  # text that is no JSON


@contextmanager
def translated() -> Generator[None]:
    """Raise what an operation refuses as one of the classes above."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(str(error)) from error
    except psycopg.Error as error:
        if known := _BY_SQLSTATE.get(error.sqlstate):
            message = error.diag.message_primary or ""
            raise known(message, hint=error.diag.message_hint, info=error.pgresult) from error
        if isinstance(error, psycopg.DataError) and not error.sqlstate:  # psycopg's own: a NUL
            raise InvalidArgumentError(str(error)) from error
        raise
