"""Who may do what: a small model of the isolation, from which each cell's outcome is computed.

It is written from the promises, in docs/concepts.md, and knows nothing of policies.
"""

# ruff: noqa: S608
# These are statements of this file.

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from typing_extensions import LiteralString


@dataclass(frozen=True)
class Message:
    id: str
    tenant: str
    sender: str
    recipient: str
    decided: bool = False  # and read


MESSAGES = [
    Message("a1", "acme", "ann", "bob"),
    Message("a2", "acme", "bob", "cy"),
    Message("a3", "acme", "ann", "bob", decided=True),
    Message("a4", "acme", "bob", "ann"),
    Message("g1", "globex", "gus", "ida"),
    Message("g2", "globex", "gus", "ida", decided=True),
]
USERS = {"acme": ["ann", "bob", "cy"], "globex": ["gus", "ida"]}
SKILLS = {"acme": ["postgres", "sql"], "globex": ["welding"]}


@dataclass(frozen=True)
class Actor:
    """A login. Of an app login, the user that signed in."""

    login: str
    role: str = ""
    user: str = ""

    @property
    def is_owner(self) -> bool:
        return self.login in ("deployer", "owner_login")


ACTORS = {
    "owner": Actor("deployer"),
    "owner and service": Actor("owner_login", "service"),
    "service": Actor("service_login", "service"),
    "sender": Actor("app_login", "app", "ann"),
    "recipient": Actor("app_login", "app", "bob"),
    "stranger": Actor("app_login", "app", "cy"),
    "app without a user": Actor("app_login", "app"),
    "retention": Actor("retention_login", "retention"),
    "outsider": Actor("nobody_login"),
}
TENANTS = {"own": "acme", "other": "globex", "none": ""}

NOT_ALLOWED = "42501"
NO_CONTEXT = "SM001"
NO_SUCH_MESSAGE = "SM002"
DECIDED = "SM003"
UNKNOWN = "23503"


def seen(actor: Actor, tenant: str) -> list[Message]:
    """What a role lets somebody see: of the tenant, and for app of the signed-in user."""
    return [
        message
        for message in MESSAGES
        if actor.role and message.tenant == tenant
        if actor.role != "app" or actor.user in (message.sender, message.recipient)
    ]


def received(actor: Actor, tenant: str) -> list[Message]:
    """What it may mark and answer."""
    return [m for m in seen(actor, tenant) if actor.role != "app" or m.recipient == actor.user]


def listed(names: Iterable[str]) -> str:
    return " ".join(sorted(names))


def rows(count: int) -> str:
    return f"{count} rows"


Outcome = Callable[[Actor, str], str]


def called(
    outcome: Outcome, roles: tuple[str, ...] = ("service", "app"), user: str = ""
) -> Outcome:
    """A function for these roles, which acts for a user if one is named."""

    def what_comes_of_it(actor: Actor, tenant: str) -> str:
        if actor.role not in roles and not actor.is_owner:
            return NOT_ALLOWED
        if not tenant or (actor.role == "app" and not actor.user):
            return NO_CONTEXT
        if actor.role not in roles or (actor.role == "app" and user and user != actor.user):
            return NOT_ALLOWED
        return outcome(actor, tenant)

    return what_comes_of_it


def one(message_id: str, outcome: str, among: Callable[[Actor, str], list[Message]]) -> Outcome:
    def what_comes_of_it(actor: Actor, tenant: str) -> str:
        found = [message for message in among(actor, tenant) if message.id == message_id]
        return outcome if found else NO_SUCH_MESSAGE

    return called(what_comes_of_it)


def box(side: str, user: str) -> Outcome:
    return called(
        lambda actor, tenant: listed(m.id for m in seen(actor, tenant) if getattr(m, side) == user),
        user=user,
    )


def sent(tenant_of_users: str, user: str) -> Outcome:
    return called(lambda _, tenant: "new" if tenant == tenant_of_users else UNKNOWN, user=user)


def unread(actor: Actor, tenant: str) -> str:
    return str(len([m for m in seen(actor, tenant) if m.recipient == "bob" and not m.decided]))


def figures(actor: Actor, tenant: str) -> str:
    mine = seen(actor, tenant)
    return f"({len([m for m in mine if not m.decided])},{len([m for m in mine if m.decided])})"


def erased(actor: Actor, tenant: str) -> str:
    of_bob = [m for m in seen(actor, tenant) if "bob" in (m.sender, m.recipient)]
    decided = [m for m in of_bob if m.decided]
    return f"({len(of_bob) - len(decided)},{len(decided)})"


COLUMNS = "id, tenant_id, from_user_id, to_user_id, subject_skill_id, message"
BATCH = (
    """[{"from_user_id": "ann", "to_user_id": "bob", "subject_skill_id": "sql", "message": "Hi","""
    """ "id": "new"}]"""
)

FUNCTIONS: dict[LiteralString, Outcome] = {
    "SELECT send_skill_message('ann', 'bob', 'sql', 'Hello', id => 'new')": sent("acme", "ann"),
    f"SELECT (send_skill_messages('{BATCH}'))[1]": sent("acme", "ann"),
    "SELECT id FROM get_messages_for_user('bob')": box("recipient", "bob"),
    "SELECT id FROM get_messages_from_user('ann')": box("sender", "ann"),
    "SELECT id FROM get_named_messages_for_user('bob')": box("recipient", "bob"),
    "SELECT id FROM get_named_messages_from_user('ann')": box("sender", "ann"),
    "SELECT line ->> 'id' FROM export_user_messages('bob')": called(
        lambda actor, tenant: listed(
            m.id for m in seen(actor, tenant) if "bob" in (m.sender, m.recipient)
        ),
        user="bob",
    ),
    "SELECT get_unread_count_for_user('bob')": called(unread, user="bob"),
    "SELECT get_unread_count_for_user('bob', 1)": called(unread, user="bob"),
    "SELECT mark_messages_read('bob')": called(unread, user="bob"),
    "SELECT mark_messages_read('bob', message_ids => '{a1,a4,g1}')": called(unread, user="bob"),
    "SELECT mark_message_read('a1') IS NOT NULL": one("a1", "True", received),
    "SELECT id FROM update_message_status('a1', 'accepted')": one("a1", "a1", received),
    "SELECT id FROM update_message_status('a3', 'accepted')": one("a3", DECIDED, received),
    "SELECT id FROM get_skill_message('a1')": one("a1", "a1", seen),
    "SELECT to_user_name FROM get_skill_message('g1')": one("g1", "Ida", seen),
    "SELECT format('(%s,%s)', pending, declined) FROM get_message_stats()": called(figures),
    "SELECT format('(%s,%s)', deleted, erased) FROM erase_user_messages('bob')": called(
        erased, roles=("retention",)
    ),
    "SELECT release > '' FROM skill_messages_version()": lambda actor, _: (
        "True" if actor.role or actor.is_owner else NOT_ALLOWED
    ),
    "SELECT set_skill_message_context('elsewhere')": lambda actor, tenant: (
        NOT_ALLOWED
        if not (actor.role or actor.is_owner)
        else "SM005"
        if tenant or actor.user
        else ""
    ),
}


def inserted(tenant_of_row: str, sender: str) -> Outcome:
    def what_comes_of_it(actor: Actor, tenant: str) -> str:
        may = actor.role == "service" or (actor.role == "app" and actor.user == sender)
        return rows(1) if may and tenant == tenant_of_row else NOT_ALLOWED

    return what_comes_of_it


def written(role: str, right: Outcome) -> Outcome:
    """What one role may write, and the owner: those rows that its roles show it."""
    return lambda actor, tenant: (
        right(actor, tenant) if actor.role in role.split() or actor.is_owner else NOT_ALLOWED
    )


def read(of: Callable[[str], list[str]]) -> Outcome:
    """The host's tables: for service and app those of the tenant."""
    return lambda actor, tenant: (
        listed(of(tenant))
        if actor.role in ("service", "app")
        else ""
        if actor.is_owner
        else NOT_ALLOWED
    )


def upserted(actor: Actor, tenant: str) -> str:
    # As app, whoever may insert it is its sender, and may not answer it.
    return rows(1) if actor.role == "service" and tenant == "acme" else NOT_ALLOWED


COMMANDS: dict[LiteralString, Outcome] = {
    "SELECT id FROM skill_messages": lambda actor, tenant: (
        listed(m.id for m in seen(actor, tenant)) if actor.role or actor.is_owner else NOT_ALLOWED
    ),
    f"INSERT INTO skill_messages ({COLUMNS})"
    " VALUES ('new', 'acme', 'ann', 'bob', 'sql', 'Hello')": inserted("acme", "ann"),
    f"INSERT INTO skill_messages ({COLUMNS})"
    " VALUES ('new', 'globex', 'gus', 'ida', 'welding', 'Hello')": inserted("globex", "gus"),
    f"INSERT INTO skill_messages ({COLUMNS}) VALUES ('a1', 'acme', 'ann', 'bob', 'sql', 'Hello')"
    " ON CONFLICT (id, tenant_id) DO UPDATE SET status = 'accepted'": upserted,
    "UPDATE skill_messages SET read_at = '2026-01-01'": written(
        "service app", lambda actor, tenant: rows(len(received(actor, tenant)))
    ),
    "UPDATE skill_messages SET status = 'accepted' WHERE tenant_id = 'acme' AND id = 'a1'": written(
        "service app",
        lambda actor, tenant: rows(len([m for m in received(actor, tenant) if m.id == "a1"])),
    ),
    "UPDATE skill_messages SET message = 'Mine'": written(
        "retention", lambda actor, tenant: "23514" if seen(actor, tenant) else rows(0)
    ),
    "DELETE FROM skill_messages": written(
        "retention", lambda actor, tenant: rows(len(seen(actor, tenant)))
    ),
    "SELECT id FROM tenants": read(lambda tenant: [tenant] if tenant else []),
    "SELECT id FROM users": read(lambda tenant: USERS.get(tenant, [])),
    "SELECT id FROM skills": read(lambda tenant: SKILLS.get(tenant, [])),
    "INSERT INTO users (id, tenant_id, name) VALUES ('new', 'acme', 'New')": lambda a, tenant: (
        rows(1) if a.role == "service" and tenant == "acme" else NOT_ALLOWED
    ),
}


def purged(actor: Actor, tenant: str) -> str:
    """A dry run, which names its tenant itself."""
    if actor.role != "retention":
        return NOT_ALLOWED
    return str(len([m for m in seen(actor, tenant) if m.decided]))
