"""A session that acts for one user, and the SQL functions as statements for any session."""

from typing import Any

import psycopg
from sqlalchemy import Connection, Select, Text, column, event, exc, func, select
from sqlalchemy.orm import Session, aliased

from .models import SkillMessage


class ActingSession(Session):
    """Acts for ``info["acts_for"]``, tenant and user, in each of its transactions.

    The information comes from whoever authenticated the user, never from the request itself.
    """


@event.listens_for(ActingSession, "after_begin")
def set_context(session: Session, _transaction: object, connection: Connection) -> None:
    if "acts_for" in session.info:
        connection.execute(select(func.set_skill_message_context(*session.info["acts_for"])))


def send(
    from_user_id: str, to_user_id: str, subject_skill_id: str, message: str, *more: str | None
) -> Select[Any]:
    """Send a message; more is the proposed parent, and an id."""
    return select(
        func.send_skill_message(from_user_id, to_user_id, subject_skill_id, message, *more)
    )


def inbox(max_messages: int = 20, before: SkillMessage | None = None) -> Select[Any]:
    """Select a page of what the user received, newest first."""
    place = (before.created_at, before.id) if before else ()
    columns = [column(known.name, known.type) for known in SkillMessage.__table__.columns]
    page = func.get_messages_for_user(None, max_messages, *place).table_valued(*columns)
    return select(aliased(SkillMessage, page, adapt_on_names=True))


def decide(message_id: str, status: str) -> Select[Any]:
    """Accept or decline; selects the skill and its proposed parent."""
    decided = func.update_message_status(message_id, status).table_valued(
        column("subject_skill_id", Text), column("proposed_parent_skill_id", Text)
    )
    return select(decided.c.subject_skill_id, decided.c.proposed_parent_skill_id)


def reason(error: exc.DBAPIError) -> tuple[str | None, str | None]:
    """SQLSTATE and hint."""
    assert isinstance(error.orig, psycopg.Error)
    return error.orig.sqlstate, error.orig.diag.message_hint
