"""What direct SQL on the tables returns, does and is refused, by what each role may."""

from dataclasses import fields, replace
from typing import Any

from tests.soak.model import Condition, Key, Message, Refused, Session, fresh, keys, refuse
from tests.soak.values import USERS

COLUMNS = tuple(column.name for column in fields(Message))
FEW = ("id", "tenant_id", "from_user_id", "to_user_id", "status", "created_at", "read_at")
SENT = COLUMNS[:7]


def select(session: Session, columns: tuple[str, ...], condition: Condition) -> list[Key]:
    session.may("service", "app", "owner", *(["retention"] if columns == FEW else []))
    return keys(message for message in session.visible if condition(message))


def update(session: Session, condition: Condition, column: str, value: object) -> list[Key]:
    may_change = {
        "status": ("service", "app"),
        "read_at": ("service", "app"),
        "message": ("retention",),
    }
    session.may_write("owner", *may_change.get(column, ()))
    found = [m for m in session.visible if session.changes(m) and condition(m)]
    return change_all(session, found, column, value)


def change_all(
    session: Session, found: list[Message], column: str, value: object, *reasons: str
) -> list[Key]:
    """All or nothing. Which row is met first, and so which of several errors, is not said."""
    faults = set(reasons)
    for message in found:
        try:
            session.change(message, column, value)
        except Refused as refused:
            faults |= refused.sqlstates
    if faults:
        raise Refused(*faults)
    return keys(found)


def merge(
    session: Session, condition: Condition, blind: bool, column: str, value: object
) -> list[Key]:
    """As an update, but a row that is met and may not be changed is an error.

    A MERGE that reads no column is blind: PostgreSQL does not ask the policies for SELECT then, so
    it meets every row. The error tells that there is one, and nothing else.
    """
    may_change = {"status": ("service", "app"), "read_at": ("service", "app")}
    session.may_write("owner", *may_change.get(column, ()))
    met = session.world.messages.values() if blind else session.visible
    found = [m for m in met if condition(m)]
    mine = all(session.changes(m) for m in found)
    return change_all(session, found, column, value, *([] if mine else ["42501"]))


def delete(session: Session, condition: Condition) -> list[Key]:
    session.may_write("retention", "owner")
    found = keys(message for message in session.visible if condition(message))
    for key in found:
        del session.world.messages[key]
    return found


def insert(
    session: Session,
    row: dict[str, Any],
    on_conflict: str,
    change: tuple[str, object],
) -> list[Key]:
    session.may_write("service", "owner", *(["app"] if set(row) <= set(SENT) else []))
    needed = {"tenant_id", "from_user_id", "to_user_id", "subject_skill_id", "message"}
    nulls = {name for name in {*needed, *row} if row.get(name) is None}
    if nulls & {*needed, "id", "status", "created_at"}:
        # The trigger and the policy are asked before NOT NULL, and the checks after it.
        raise Refused("23502", "23514", "42501")
    born: dict[str, Any] = {"id": fresh(), "status": "pending", "created_at": session.now.cut}
    whole: dict[str, Any] = (
        born | dict.fromkeys(("proposed_parent_skill_id", "read_at", "answered_at")) | row
    )
    message = Message(**whole)
    old = session.world.messages.get(message.key)
    stored = session.send(message, direct=True)
    if old is None:
        session.world.store(stored)
        return keys([stored])
    refuse({"23505": on_conflict == ""})
    if on_conflict == "DO UPDATE":
        refuse({"42501": not session.changes(old)})
        session.change(old, *change)
        return keys([old])
    return []


def delete_skill(session: Session, skill_id: str) -> int:
    """Its messages go with it; where it was proposed as a parent, nothing is proposed any more."""
    session.may_write("service", "owner")
    key = (session.tenant, skill_id)
    if "service" not in session.rights or key not in session.world.skills:
        return 0
    session.world.skills.remove(key)
    for message in list(session.world.messages.values()):
        if (message.tenant_id, message.subject_skill_id) == key:
            del session.world.messages[message.key]
        elif (message.tenant_id, message.proposed_parent_skill_id) == key:
            session.world.store(replace(message, proposed_parent_skill_id=None))
    return 1


def add_skill(session: Session, tenant_id: str, skill_id: str, on_conflict: str) -> int:
    session.may_write("service", "owner")
    refuse(
        {
            "42501": "service" not in session.rights or tenant_id != session.tenant,
            "23514": "" in (tenant_id, skill_id),
        }
    )
    if (tenant_id, skill_id) in session.world.skills:
        refuse({"23505": on_conflict == ""})
        return int("DO UPDATE" in on_conflict)
    refuse({"23503": tenant_id not in USERS})
    session.world.skills.add((tenant_id, skill_id))
    return 1


def delete_user(session: Session, user_id: str) -> int:
    """Not as long as a message names the user."""
    session.may_write("service", "owner")
    key = (session.tenant, user_id)
    if "service" not in session.rights or key not in session.world.users:
        return 0
    named = [
        message
        for message in session.world.messages.values()
        if message.tenant_id == key[0] and user_id in (message.from_user_id, message.to_user_id)
    ]
    refuse({"23503": named})
    session.world.users.remove(key)
    return 1
