"""What the database holds, who may see and do what: the contract in plain Python.

A method that the database must refuse raises Refused with every SQLSTATE that would be a right
answer. Where several things are wrong at once, the contract does not say which is named first.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import regex

from tests.soak.values import SKILLS, USERS

Key = tuple[str, str]
VISIBLE = regex.compile(r"[^\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]")


class Refused(Exception):  # noqa: N818
    def __init__(self, *sqlstates: str) -> None:
        super().__init__(*sqlstates)
        self.sqlstates = set(sqlstates)


def refuse(reasons: dict[str, object]) -> None:
    """Refuse, if any of these SQLSTATEs has a reason that is so. A key may hold several of them."""
    if found := [code for codes, so in reasons.items() if so for code in codes.split()]:
        raise Refused(*found)


class Time(NamedTuple):
    """A time of the server's clock, in microseconds: no earlier and no later than these."""

    low: float
    high: float

    @property
    def cut(self) -> "Time":
        return Time(*(m if m == float("-inf") else m // 1000 * 1000 for m in self))

    def bounded(self, earliest: "Time", latest: "Time") -> "Time":
        """Moved between the two, the first of which wins, in whole milliseconds."""
        upper = (min(mine, bound) for mine, bound in zip(self, latest, strict=True))
        cut = Time(*upper).cut
        return Time(*(max(mine, bound) for mine, bound in zip(cut, earliest, strict=True)))


def at(moment: float) -> Time:
    return Time(moment, moment)


EPOCH = at(0)


@dataclass(frozen=True)
class Message:
    id: str
    tenant_id: str
    from_user_id: str
    to_user_id: str
    subject_skill_id: str
    proposed_parent_skill_id: str | None
    message: str
    status: str
    created_at: Time
    read_at: Time | None = None
    answered_at: Time | None = None

    @property
    def key(self) -> Key:
        return self.tenant_id, self.id

    @property
    def place(self) -> tuple[float, bytes]:
        """In a page: by time, then by id in the order of its bytes."""
        return self.created_at.low, self.id.encode()


def first_messages() -> dict[Key, Message]:
    """Three in each tenant, of the same ids: unread, answered, and one to oneself."""
    found = {}
    for tenant, (ann, bob, *_) in USERS.items():
        sql, other = SKILLS[tenant]
        for message in (
            Message("m1", tenant, ann, bob, sql, other, "First", "pending", at(0)),
            Message("m2", tenant, bob, ann, other, sql, "Second", "accepted", *[at(10**15)] * 3),
            Message("m3", tenant, ann, ann, sql, None, "Third", "pending", at(10**15)),
        ):
            found[message.key] = message
    return found


@dataclass
class World:
    """The tables. A name of the host's says what it is the name of."""

    messages: dict[Key, Message] = field(default_factory=first_messages)
    users: set[Key] = field(default_factory=lambda: {(t, u) for t in USERS for u in USERS[t]})
    skills: set[Key] = field(default_factory=lambda: {(t, s) for t in SKILLS for s in SKILLS[t]})

    def copy(self) -> "World":
        return World(dict(self.messages), set(self.users), set(self.skills))

    def store(self, message: Message) -> None:
        self.messages[message.key] = message


# The three settings of a context, and whose rights a session has.
TENANT, USER, CHOSEN = "app.current_tenant_id", "app.current_user_id", "skill_messages.tenant_id"
ROLE = "role"
RIGHTS = {
    "skill_messages_service": "service",
    "skill_messages_app": "app",
    "skill_messages_retention": "retention",
    "deployer": "owner",
}


@dataclass
class Settings:
    """As PostgreSQL keeps them: SET and what it hides until the transaction ends, SET LOCAL."""

    default: dict[str, str]
    session: dict[str, str] = field(default_factory=dict)
    local: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.local.get(name, self.session.get(name, self.default.get(name, "")))

    def set(self, name: str, value: str, local: bool = False) -> None:
        if local:
            self.local[name] = value
        else:
            self.session[name] = value
            self.local.pop(name, None)

    def reset(self, *names: str) -> None:
        for name in names:
            self.set(name, self.default.get(name, ""))

    def copy(self) -> "Settings":
        return Settings(self.default, dict(self.session), dict(self.local))


@dataclass
class Session:
    """A connection: its login is a member of these roles."""

    login: str
    member_of: tuple[str, ...]
    settings: Settings
    world: World
    now: Time = EPOCH
    clock: Time = EPOCH
    read_only: bool = False

    @property
    def tenant(self) -> str:
        return self.settings[TENANT]

    @property
    def user(self) -> str:
        return self.settings[USER]

    @property
    def rights(self) -> set[str]:
        """What current_user may act as: the roles that it is a member of, or the one it became."""
        role = self.settings[ROLE]
        return {RIGHTS[name] for name in ([role] if role else self.member_of)}

    def sees(self, message: Message) -> bool:
        """The tenant of the context, as one of the roles; the app what its user sent or got."""
        return (
            bool(self.rights & {"service", "app", "retention"})
            and message.tenant_id == self.tenant
            and (
                "app" not in self.rights or self.user in (message.from_user_id, message.to_user_id)
            )
        )

    def changes(self, message: Message) -> bool:
        """Of what it sees, the app changes what its user received."""
        return self.sees(message) and ("app" not in self.rights or message.to_user_id == self.user)

    @property
    def visible(self) -> list[Message]:
        return [message for message in self.world.messages.values() if self.sees(message)]

    def may(self, *rights: str) -> None:
        """A privilege: EXECUTE of a function, or one on a column."""
        refuse({"42501": not self.rights & set(rights)})

    def may_write(self, *rights: str) -> None:
        refuse({"25006": self.read_only, "42501": rights and not self.rights & set(rights)})

    def has_context(self, acting_user: str | None = None) -> None:
        app = "app" in self.rights
        refuse(
            {
                "SM001": not self.tenant or (app and not self.user),
                "42501": (app and acting_user not in (None, self.user))
                or not self.rights & {"service", "app"},
            }
        )

    def choose(self, tenant: str, user: str | None) -> None:
        """set_skill_message_context: one transaction, one tenant, and for the app one user."""
        self.may("service", "app", "retention", "owner")
        settings, default = self.settings, self.settings.default
        chosen = settings[CHOSEN] or any(
            settings[name] != default.get(name, "") for name in (TENANT, USER)
        )
        refuse(
            {
                "SM001": not tenant,
                "22023": max(size(tenant), size(user)) > 255,
                "SM005": chosen
                and (
                    settings[CHOSEN] not in ("", tenant)
                    or settings[TENANT] not in ("", tenant)
                    or ("app" in self.rights and (user or "") != settings[USER])
                ),
            }
        )
        for name, value in ((TENANT, tenant), (USER, user or ""), (CHOSEN, tenant)):
            settings.set(name, value, local=True)

    def send(self, message: Message, direct: bool = False) -> Message:
        """What the table says to a new row: the message as it is stored, or Refused."""
        born = message.created_at.bounded(at(float("-inf")), self.clock)
        names = (message.from_user_id, message.to_user_id)
        skills = (message.subject_skill_id, message.proposed_parent_skill_id)
        refuse(
            {
                "23514": not is_text(message.message)
                or not 1 <= size(message.id) <= 255
                or "" in names
                or message.tenant_id == ""
                or message.status != "pending"
                or message.read_at is not None
                or message.answered_at is not None
                or born.low < 0,
                "42501": not self.rights & {"service", "app"}
                or not self.tenant == message.tenant_id != ""
                or ("app" in self.rights and not self.user == message.from_user_id != ""),
            }
        )
        if message.key not in self.world.messages:
            long = any(size(name) > 2000 for name in (*names, *skills))
            refuse(
                {
                    ("23503 54000" if direct else "23503 22023") if long else "23503": any(
                        (message.tenant_id, user) not in self.world.users for user in names
                    )
                    or any(
                        skill is not None and (message.tenant_id, skill) not in self.world.skills
                        for skill in skills
                    ),
                }
            )
        return replace(message, created_at=born)

    def change(self, message: Message, column: str, value: object) -> None:
        """What the table says to a new value of a column: the rules of a message's life."""
        if column == "status":
            decided = message.status != "pending"
            refuse(
                {
                    "SM003": decided and value != message.status,
                    "23502": value is None and not decided,
                    "23514": value not in ("pending", "accepted", "declined", None) and not decided,
                }
            )
            if value != message.status:
                answered = self.now.bounded(message.created_at, self.now)
                message = replace(message, status=str(value), answered_at=answered)
        elif column == "read_at":
            if message.read_at is None and isinstance(value, Time):
                read = value.bounded(message.created_at, self.clock)
                message = replace(message, read_at=read)
        elif column == "message" and value == "[erased]":
            message = replace(message, message="[erased]")
        else:
            same = value == getattr(message, column)
            hidden = column == "message" and not self.rights & {"service", "app", "owner"}
            refuse({"23514": not same or hidden})
        self.world.store(message)

    def reads_now(self, message: Message) -> None:
        self.change(message, "read_at", self.now)


# What stands for an id that the database makes, until it is known.
FRESH = "\x00fresh"
_numbers = itertools.count()


def fresh() -> str:
    return f"{FRESH}{next(_numbers)}"


def size(value: str | None) -> int:
    return len((value or "").encode(errors="surrogatepass"))


def is_text(text: str) -> bool:
    return len(text) <= 10_000 and bool(VISIBLE.search(text)) and text != "[erased]"


def keys(messages: Iterable[Message]) -> list[Key]:
    return [message.key for message in messages]


def newest_first(messages: Iterable[Message]) -> list[Message]:
    return sorted(messages, key=lambda message: message.place, reverse=True)


Condition = Callable[[Message], bool]
