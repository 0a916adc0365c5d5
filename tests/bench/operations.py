"""What is measured: each operation with its arguments, and the index that the limit gets for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import psycopg

from tests.bench.contestants import ENTRIES, Contestant, Position, Skill
from tests.bench.data import Population, Proposal, Received, User

# The received messages that can be read or answered once are shared out in this many parts.
PARTS = 40
BATCH_SIZE = 100


class World:
    """A loaded database: whose messages there are, and a superuser's connection to it."""

    def __init__(
        self, conninfo: str, admin: psycopg.Connection[Any], population: Population
    ) -> None:
        self.conninfo = conninfo
        self.admin = admin
        self.population = population
        self._part = len(population.received) // PARTS
        self._taken: dict[str, int] = {}
        self._skills = 0

    def typical(self, _schema: str) -> Iterator[User]:
        return cycle(self.population.typical)

    def large(self, _schema: str) -> Iterator[User]:
        return cycle([self.population.large])

    def empty(self, _schema: str) -> Iterator[User]:
        return cycle([self.population.empty])

    def proposals(self, _schema: str) -> Iterator[Proposal]:
        while True:
            yield self.population.proposal()

    def batches(self, _schema: str) -> Iterator[list[Proposal]]:
        while True:
            yield self.population.proposals_of_one_sender(BATCH_SIZE)

    def deep(self, _schema: str) -> Iterator[tuple[User, Position]]:
        """The middle of the large inbox."""
        large, rows = self.population.large, self.population.large_inbox // 2
        last = self.admin.execute(
            "SELECT created_at, id FROM bare.skill_messages WHERE to_user_id = %s"
            " ORDER BY created_at DESC, id DESC OFFSET %s LIMIT 1",
            [large.id, rows - 1],
        ).fetchone()
        assert last
        return cycle([(large, Position(last[0], last[1], rows))])

    def received(self, schema: str) -> Iterator[Received]:
        """Pending, unread messages of this schema that nobody else gets."""
        start = self._taken.get(schema, 0)
        self._taken[schema] = start + self._part
        return iter(self.population.received[start : start + self._part])

    def unused_skills(self, schema: str) -> Iterator[Skill]:
        tenant_id = self.population.large.tenant_id
        while True:
            self._skills += 1
            skill = Skill(f"doomed-{self._skills}", tenant_id)
            self.admin.execute(
                f"INSERT INTO {schema}.skills VALUES (%s, %s, 'A skill')".encode(),  # noqa: S608
                [skill.id, tenant_id],
            )
            yield skill

    def used_skills(self, schema: str) -> Iterator[Skill]:
        """Each the subject of one message, which goes, and the parent of another, which stays."""
        user = self.population.large.id
        other = f"s{user[1:]}-0"
        for skill in self.unused_skills(schema):
            self.admin.execute(
                f"INSERT INTO {schema}.skill_messages (tenant_id, from_user_id, to_user_id,"  # noqa: S608
                " subject_skill_id, proposed_parent_skill_id, message)"
                " VALUES (%(tenant)s, %(user)s, 'nobody', %(skill)s, NULL, 'Goes'),"
                " (%(tenant)s, %(user)s, 'nobody', %(other)s, %(skill)s, 'Stays')".encode(),
                {"tenant": skill.tenant_id, "user": user, "skill": skill.id, "other": other},
            )
            yield skill


@dataclass(frozen=True)
class Operation:
    """One operation; `arguments` makes an endless or limited supply for one schema, untimed."""

    name: str
    arguments: Callable[[World, str], Iterator[Any]]
    run: Callable[[Contestant, Any], object]
    limit_indexes: tuple[str, ...] = ()
    entries: tuple[str, ...] = tuple(ENTRIES)

    @property
    def reads(self) -> bool:
        return self.limit_indexes in (INBOX, SENT, UNREAD, OURS_UNREAD)

    @property
    def deletes(self) -> bool:
        return self.limit_indexes == SKILLS

    @property
    def repeated(self) -> bool:
        """It is there before, with other indexes for the limit."""
        return self.entries == ISOLATION


INBOX = ("(to_user_id, created_at, id)",)
SENT = ("(from_user_id, created_at, id)",)
UNREAD = ("(to_user_id) WHERE read_at IS NULL",)
SKILLS = ("(subject_skill_id)", "(proposed_parent_skill_id)")
OURS_UNREAD = ("(to_user_id, tenant_id) INCLUDE (from_user_id) WHERE read_at IS NULL",)
OURS = (
    *OURS_UNREAD,
    '(to_user_id, tenant_id, created_at, id COLLATE "C")',
    '(from_user_id, tenant_id, created_at, id COLLATE "C")',
    "(tenant_id)",
    "(subject_skill_id, tenant_id)",
    "(proposed_parent_skill_id, tenant_id) WHERE proposed_parent_skill_id IS NOT NULL",
)
# Deleting skills is not for a signed-in user.
TRUSTED = tuple(name for name in ENTRIES if "app" not in name)
# What row-level security, rules and functions cost when all else is equal, except that our primary
# key has the tenant in it.
ISOLATION = ("limit", "ours, app")

# Reads first, while every page is all-visible; sending last, since it makes the tables grow.
OPERATIONS = (
    Operation("inbox page", World.typical, lambda c, user: c.page(user), INBOX),
    Operation("inbox page, large inbox", World.large, lambda c, user: c.page(user), INBOX),
    Operation("deep page, large inbox", World.deep, lambda c, deep: c.page(*deep), INBOX),
    Operation("sent page", World.typical, lambda c, user: c.page(user, None, "from_user_id"), SENT),
    Operation("unread count", World.typical, lambda c, user: c.unread(user), UNREAD),
    Operation("unread count, large inbox", World.large, lambda c, user: c.unread(user), UNREAD),
    Operation("at most 100, large inbox", World.large, lambda c, user: c.unread(user, 100), UNREAD),
    Operation("at most 100, empty inbox", World.empty, lambda c, user: c.unread(user, 100), UNREAD),
    Operation(
        "unread count, large inbox, same index",
        World.large,
        lambda c, user: c.unread(user),
        OURS_UNREAD,
        ISOLATION,
    ),
    Operation("mark read", World.received, lambda c, message: c.mark_read(message)),
    Operation("accept", World.received, lambda c, message: c.accept(message)),
    Operation(
        "delete skill", World.used_skills, lambda c, skill: c.delete_skill(skill), SKILLS, TRUSTED
    ),
    Operation(
        "delete unused skill",
        World.unused_skills,
        lambda c, skill: c.delete_skill(skill),
        SKILLS,
        TRUSTED,
    ),
    Operation("send", World.proposals, lambda c, proposal: c.send(proposal)),
    Operation(f"send {BATCH_SIZE}", World.batches, lambda c, batch: c.send_batch(batch)),
    Operation(
        "mark read, same indexes",
        World.received,
        lambda c, message: c.mark_read(message),
        OURS,
        ISOLATION,
    ),
    Operation(
        "accept, same indexes",
        World.received,
        lambda c, message: c.accept(message),
        OURS,
        ISOLATION,
    ),
    Operation(
        "send, same indexes",
        World.proposals,
        lambda c, proposal: c.send(proposal),
        OURS,
        ISOLATION,
    ),
)
