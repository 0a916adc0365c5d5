"""What each function of the package returns, does and refuses: by its own name and arguments."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.soak.model import (
    Condition,
    Key,
    Message,
    Refused,
    Session,
    Time,
    at,
    fresh,
    keys,
    newest_first,
    refuse,
)

EARLIEST = at(float("-inf"))


def given(session: Session, user_id: str | None) -> str | None:
    """The user who is meant: the one in the context, if none is given."""
    return user_id if user_id is not None else session.user or None


def send_skill_message(
    session: Session,
    from_user_id: str | None,
    to_user_id: str | None,
    subject_skill_id: str | None,
    message: str | None,
    proposed_parent_skill_id: str | None = None,
    id: str | None = None,
) -> str | None:
    session.may("service", "app", "owner")
    faults = set[str]()
    for check in (
        lambda: session.has_context(from_user_id),
        session.may_write,
        lambda: refuse({"22023": None in (from_user_id, to_user_id, subject_skill_id)}),
    ):
        faults |= faults_of(check)
    new = Message(
        id if id is not None else fresh(),
        session.tenant,
        from_user_id or "",
        to_user_id or "",
        subject_skill_id or "",
        proposed_parent_skill_id,
        message or "",
        "pending",
        session.now.cut,
    )
    faults |= faults_of(lambda: session.send(new))
    old = session.world.messages.get(new.key)
    content = replace(new, status="", created_at=EARLIEST)
    same = old and content == replace(
        old, status="", created_at=EARLIEST, read_at=None, answered_at=None
    )
    if old and not same:
        faults.add("SM004")
    if faults:
        raise Refused(*faults)
    if not old:
        session.world.store(session.send(new))
    return new.id


def faults_of(check: Callable[[], object]) -> set[str]:
    try:
        check()
    except Refused as refused:
        return refused.sqlstates
    return set()


ARGUMENTS = {
    "from_user_id",
    "to_user_id",
    "subject_skill_id",
    "message",
    "proposed_parent_skill_id",
    "id",
}


def send_skill_messages(session: Session, messages: Any) -> list[str | None]:
    """All or nothing."""
    session.may("service", "app", "owner")
    faults = faults_of(session.has_context) | faults_of(session.may_write)
    well_formed = isinstance(messages, list) and 1 <= len(messages) <= 1000
    if not well_formed or not all(map(is_message, messages)):
        raise Refused("22023", *faults)
    required = dict.fromkeys(("from_user_id", "to_user_id", "subject_skill_id", "message"))
    ids = []
    for element in messages:
        try:
            ids.append(send_skill_message(session, **(required | element)))
        except Refused as refused:
            faults |= refused.sqlstates
    if faults:
        raise Refused(*faults)
    return ids


def is_message(element: Any) -> bool:
    return (
        isinstance(element, dict)
        and element.keys() <= ARGUMENTS
        and all(isinstance(value, str | None) for value in element.values())
    )


def page(
    session: Session,
    mine: str,
    user_id: str | None,
    max_messages: int | None,
    before_created_at: float | None,
    before_id: str | None,
) -> list[Key]:
    session.may("service", "app", "owner")
    user = given(session, user_id)
    pair = (before_created_at, before_id)
    faults = faults_of(lambda: session.has_context(user_id))
    if user is None or not 1 <= (max_messages or 0) <= 1000 or (None in pair and any_of(pair)):
        faults.add("22023")
    if faults:
        raise Refused(*faults)
    before = (before_created_at, (before_id or "").encode(errors="surrogatepass"))
    found = [m for m in session.visible if getattr(m, mine) == user]
    if before_created_at is not None:
        found = [m for m in found if m.place < before]
    return keys(newest_first(found)[:max_messages])


def any_of(pair: Sequence[object]) -> bool:
    return any(value is not None for value in pair)


def get_messages_for_user(session: Session, **arguments: Any) -> list[Key]:
    return page(session, "to_user_id", **arguments)


def get_messages_from_user(session: Session, **arguments: Any) -> list[Key]:
    return page(session, "from_user_id", **arguments)


get_named_messages_for_user = get_messages_for_user
get_named_messages_from_user = get_messages_from_user


def get_skill_message(session: Session, message_id: str | None) -> list[Key]:
    session.may("service", "app", "owner")
    session.has_context()
    return keys([the(session, session.sees, message_id)])


def the(session: Session, may: Condition, message_id: str | None) -> Message:
    """Absent and invisible are told apart by nothing."""
    message = session.world.messages.get((session.tenant, message_id or ""))
    if message is None or not may(message):
        raise Refused("SM002")
    return message


def get_unread_count_for_user(session: Session, user_id: str | None, at_most: int | None) -> int:
    session.may("service", "app", "owner")
    user = given(session, user_id)
    faults = faults_of(lambda: session.has_context(user_id))
    if user is None or (at_most is not None and at_most < 1):
        faults.add("22023")
    if faults:
        raise Refused(*faults)
    unread = sum(m.to_user_id == user and m.read_at is None for m in session.visible)
    return unread if at_most is None else min(unread, at_most)


def mark_message_read(session: Session, message_id: str | None) -> Callable[[], Time | None]:
    session.may("service", "app", "owner")
    session.may_write()
    session.has_context()
    message = the(session, session.changes, message_id)
    session.reads_now(message)
    return lambda: session.world.messages[message.key].read_at


def mark_messages_read(
    session: Session,
    user_id: str | None,
    up_to_created_at: float | None,
    message_ids: list[str | None] | None,
) -> int:
    session.may("service", "app", "owner")
    user = given(session, user_id)
    faults = faults_of(lambda: session.has_context(user_id)) | faults_of(session.may_write)
    if user is None or len(message_ids or []) > 1000:
        faults.add("22023")
    if faults:
        raise Refused(*faults)
    up_to = up_to_created_at
    if up_to is None:
        up_to = float("inf") if message_ids is not None else session.now.low
    marked = [
        message
        for message in session.visible
        if message.to_user_id == user
        and message.read_at is None
        and message.created_at.low <= up_to
        and (message_ids is None or message.id in message_ids)
    ]
    for message in marked:
        session.reads_now(message)
    return len(marked)


def update_message_status(
    session: Session, message_id: str | None, status: str | None
) -> list[Key]:
    session.may("service", "app", "owner")
    faults = faults_of(session.may_write) | faults_of(session.has_context)
    if status not in ("accepted", "declined"):
        faults.add("23514")
    if faults:
        raise Refused(*faults)
    message = the(session, session.changes, message_id)
    refuse({"SM003": message.status != "pending"})
    session.change(message, "status", status)
    return keys([message])


def get_message_stats(session: Session) -> tuple[int, int, int, int, Time | None]:
    session.may("service", "app", "owner")
    session.has_context()
    statuses = [message.status for message in session.visible]
    pending = [message.created_at for message in session.visible if message.status == "pending"]
    return (
        len(pending),
        statuses.count("accepted"),
        statuses.count("declined"),
        sum(message.read_at is None for message in session.visible),
        min(pending, default=None),
    )


def export_user_messages(session: Session, user_id: str | None) -> list[Key]:
    session.may("service", "app", "owner")
    user = given(session, user_id)
    faults = faults_of(lambda: session.has_context(user_id))
    if user is None:
        faults.add("22023")
    if faults:
        raise Refused(*faults)
    return keys(m for m in session.visible if user in (m.from_user_id, m.to_user_id))


def erase_user_messages(
    session: Session, user_id: str | None, keep_decided: bool | None
) -> tuple[int, int]:
    """Retention alone, not even an owner who is a member of service."""
    session.may("retention", "owner")
    reasons: dict[str, object] = {
        "SM001": not session.tenant or ("app" in session.rights and not session.user),
        "22023": user_id is None or keep_decided is None,
        "25006": session.read_only,
    }
    found = [m for m in session.visible if user_id in (m.from_user_id, m.to_user_id)]
    refuse(reasons | {"42501": "retention" not in session.rights})
    deleted = [m for m in found if m.status == "pending" or not keep_decided]
    for message in deleted:
        del session.world.messages[message.key]
    erased = [m for m in found if m not in deleted]
    for message in erased:
        session.change(message, "message", "[erased]")
    return len(deleted), len(erased)


def purge_skill_messages(
    session: Session,
    age: int | None,
    batch_size: int | None,
    tenant_id: str | None,
    include_pending: bool,
    include_unread: bool,
    dry_run: bool | None,
) -> int:
    session.may("retention", "owner")
    refuse(
        {
            "42501": "retention" not in session.rights or tenant_id is None,
            "22023": age is None or (batch_size or 0) < 1 or dry_run is None,
            "25006": session.read_only and not dry_run,
        }
    )
    return delete_skill_messages(
        session, tenant_id or "", age or 0, include_pending, include_unread, bool(dry_run)
    )


def delete_skill_messages(
    session: Session,
    tenant_id: str,
    age: int,
    include_pending: bool,
    include_unread: bool,
    dry_run: bool,
) -> int:
    """The helper that a purge calls: retention may call it, too."""
    session.may("retention", "owner")
    session.choose(tenant_id, None)
    refuse({"25006": session.read_only and not dry_run})
    found = [
        message
        for message in session.visible
        if message.created_at.low < session.now.low - age
        and (include_pending or message.status != "pending")
        and (include_unread or message.read_at is not None)
    ]
    for message in [] if dry_run else found:
        del session.world.messages[message.key]
    return len(found)
