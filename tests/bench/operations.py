"""What is measured: each operation with its arguments, and who takes part."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import psycopg

from tests.bench.contestants import Contestant, Position, Skill
from tests.bench.data import Population, Proposal, Received, User

# The received messages that can be read or answered once are shared out in this many parts.
PARTS = 20


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

    def proposals(self, _schema: str) -> Iterator[Proposal]:
        while True:
            yield self.population.proposal()

    def batches_of_100(self, _schema: str) -> Iterator[list[Proposal]]:
        while True:
            yield self.population.proposals_of_one_sender(100)

    def batches_of_1000(self, _schema: str) -> Iterator[list[Proposal]]:
        while True:
            yield self.population.proposals_of_one_sender(1000)

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
    entries: tuple[str, ...]
    reads: bool = False


ALL = ("limit", "ours, app", "ours, service", "ours, no policies", "by hand", "ORM")
# Deleting skills is not for a signed-in user.
TRUSTED = tuple(name for name in ALL if "app" not in name)
# As behind a pooler that knows nothing of prepared statements.
UNPREPARED = "ours, app, unprepared"
BATCH = (*ALL, "by hand, our table")
# What is measured with the delay of a network, and what at every size of the table.
DELAYED = ("limit", "ours, app", "ours, service", "by hand")
BY_SIZE = ("limit", "ours, app", "by hand")
LARGE_PAGE = "inbox page, large inbox"
LARGE_COUNT = "unread count, large inbox"


def page(contestant: Contestant, user: User) -> object:
    return contestant.page(user)


def sent_page(contestant: Contestant, user: User) -> object:
    return contestant.page(user, None, "from_user_id")


def unread(contestant: Contestant, user: User) -> object:
    return contestant.unread(user)


def at_most(contestant: Contestant, user: User) -> object:
    return contestant.unread(user, 100)


# Reads first, while every page is all-visible; sending last, since it makes the tables grow.
OPERATIONS = (
    Operation("inbox page", World.typical, page, (*ALL, UNPREPARED), reads=True),
    Operation(LARGE_PAGE, World.large, page, ALL, reads=True),
    Operation("deep page, large inbox", World.deep, lambda c, deep: c.page(*deep), ALL, reads=True),
    Operation("sent page", World.typical, sent_page, ALL, reads=True),
    Operation("unread count", World.typical, unread, ALL, reads=True),
    Operation(LARGE_COUNT, World.large, unread, ALL, reads=True),
    Operation("at most 100, large inbox", World.large, at_most, ALL, reads=True),
    Operation("mark read", World.received, lambda c, message: c.mark_read(message), ALL),
    Operation("accept", World.received, lambda c, message: c.accept(message), ALL),
    Operation("delete skill", World.used_skills, lambda c, skill: c.delete_skill(skill), TRUSTED),
    Operation(
        "send",
        World.proposals,
        lambda c, proposal: c.send(proposal),
        (*ALL, "limit, our ids", UNPREPARED),
    ),
    Operation("send 100", World.batches_of_100, lambda c, batch: c.send_batch(batch), BATCH),
    Operation("send 1000", World.batches_of_1000, lambda c, batch: c.send_batch(batch), BATCH),
)
