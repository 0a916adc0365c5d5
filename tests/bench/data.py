"""Who writes to whom: the same made-up messages for every contestant, and how they are loaded."""

import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from pathlib import Path
from typing import Any

import psycopg
from rich.progress import track

from skill_messages import NewMessage
from tests.bench.tables import SCHEMAS

MESSAGES_PER_USER = 100
SKILLS_PER_USER = 5
UNREAD_SHARE = 0.3  # the newest
TYPICAL_USERS = 64  # that the reading operations take in turn
YEAR = timedelta(days=365)
MILLISECOND = timedelta(milliseconds=1)  # finer times the schema does not keep
WORDS = ("group", "skill", "under", "yours", "mine", "overlap", "author", "merge", "guide")
NULL = "\\N"
FIRST = datetime(2025, 1, 1, tzinfo=timezone.utc)

COLUMNS = (
    "id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id,"
    " message, status, created_at, read_at, answered_at"
)


@dataclass(frozen=True)
class User:
    id: str
    tenant_id: str


@dataclass(frozen=True)
class Received:
    """A pending, unread message."""

    id: str
    to: User


@dataclass(frozen=True)
class Proposal:
    tenant_id: str
    from_user_id: str
    to_user_id: str
    subject_skill_id: str
    proposed_parent_skill_id: str
    message: str

    @property
    def sender(self) -> User:
        return User(self.from_user_id, self.tenant_id)

    @property
    def content(self) -> NewMessage:
        return {
            "from_user_id": self.from_user_id,
            "to_user_id": self.to_user_id,
            "subject_skill_id": self.subject_skill_id,
            "message": self.message,
            "proposed_parent_skill_id": self.proposed_parent_skill_id,
        }


class Population:
    """Tenants with users, each tenant a range of user numbers; number 0 is the large recipient.

    The first tenant has a third of the users and so of the messages; the others follow Zipf.
    """

    def __init__(self, messages: int, large_inbox: int) -> None:
        self.messages = messages
        self.large_inbox = min(large_inbox, messages // 10)
        self.users = max(messages // MESSAGES_PER_USER, 100)
        self.tenants = min(self.users // 20, 1000)
        self.random = random.Random(messages)  # noqa: S311

        zipf = sum(1 / n for n in range(1, self.tenants))
        shares = [self.users / 3, *(self.users / 1.5 / n / zipf for n in range(1, self.tenants))]
        ends = [round(end) for end in accumulate(shares)]
        self._tenant_users = [range(*pair) for pair in zip([0, *ends], ends, strict=False)]
        self._tenant_of = [t for t, users in enumerate(self._tenant_users) for _ in users]

        self.large = self.user(0)
        self.empty = User("nobody", self.large.tenant_id)
        self.typical = [self.user(n) for n in self._sample(TYPICAL_USERS)]
        self.received: list[Received] = []
        self._texts = [
            " ".join(self.random.choices(WORDS, k=self.random.randint(17, 27))) for _ in range(999)
        ]

    def _sample(self, count: int) -> list[int]:
        return self.random.sample(range(1, self.users), count)

    def user(self, number: int) -> User:
        return User(f"u{number:06}", f"t{self._tenant_of[number]:04}")

    def proposal(self) -> Proposal:
        return self.proposals_of_one_sender(1)[0]

    def proposals_of_one_sender(self, count: int) -> list[Proposal]:
        (sender,) = self._sample(1)
        tenant = self._tenant_of[sender]
        return [
            Proposal(
                f"t{tenant:04}",
                f"u{sender:06}",
                f"u{recipient:06}",
                f"s{sender:06}-0",
                f"s{recipient:06}-0",
                self.random.choice(self._texts),
            )
            for recipient in self.random.choices(self._tenant_users[tenant], k=count)
        ]

    def host_rows(self) -> dict[str, str]:
        """Lines for COPY, by table."""
        users = [self.user(number) for number in range(self.users)] + [self.empty]
        skills = [
            f"s{user.id[1:]}-{n}\t{user.tenant_id}\tA skill\n"
            for user in users
            for n in range(SKILLS_PER_USER)
        ]
        return {
            "tenants": "".join(f"t{n:04}\tA tenant\n" for n in range(self.tenants)),
            "users": "".join(f"{user.id}\t{user.tenant_id}\tA user\n" for user in users),
            "skills": "".join(skills),
        }

    def message_rows(self) -> Iterator[str]:
        """Lines for COPY, oldest first; remembers messages to read and answer."""
        pick, texts, tenant_of = self.random.random, self._texts, self._tenant_of
        large_every = self.messages // self.large_inbox
        first_unread = int(self.messages * (1 - UNREAD_SHARE))
        remember_every = 1 + self.messages // 100_000
        step = YEAR // MILLISECOND // self.messages * MILLISECOND
        for number in range(self.messages):
            recipient = 0 if number % large_every == 0 else 1 + int(pick() * (self.users - 1))
            tenant = tenant_of[recipient]
            users = self._tenant_users[tenant]
            sender = users[int(pick() * len(users))]
            bits = f"{self.random.getrandbits(128):032x}"
            uuid = f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"
            created_at = FIRST + number * step
            unread = recipient == 0 or number >= first_unread
            if unread and recipient and number % remember_every == 0:
                self.received.append(Received(uuid, self.user(recipient)))
            status = "pending" if unread else ("accepted", "declined", "pending")[number % 3]
            parent = f"s{recipient:06}-{number % SKILLS_PER_USER}" if number % 4 else NULL
            yield (
                f"{uuid}\tt{tenant:04}\tu{sender:06}\tu{recipient:06}"
                f"\ts{sender:06}-{number % SKILLS_PER_USER}\t{parent}"
                f"\t{texts[number % 999]}\t{status}\t{created_at}"
                f"\t{NULL if unread else created_at}"
                f"\t{NULL if status == 'pending' else created_at}\n"
            )


@contextmanager
def without_indexes(admin: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """Build the indexes after a load: several times faster than to maintain them during it.

    They are not dropped, because views depend on them, but marked as not ready.
    """
    admin.execute("UPDATE pg_index SET indisready = false WHERE indrelid = %s::regclass", [table])
    yield
    admin.execute(f"REINDEX TABLE {table}".encode())


def _load_schema(conninfo: str, schema: str, host_rows: dict[str, str], messages: str) -> None:
    """As a replica: rows are born read and answered, and every foreign key is known to hold."""
    with psycopg.connect(conninfo, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for table, lines in host_rows.items():
            with admin.cursor().copy(f"COPY {schema}.{table} FROM STDIN".encode()) as copy:
                copy.write(lines)
        table = f"{schema}.skill_messages"
        with (
            without_indexes(admin, table),
            Path(messages).open() as file,
            admin.cursor().copy(f"COPY {table} ({COLUMNS}) FROM STDIN".encode()) as copy,
        ):
            while block := file.read(1 << 20):
                copy.write(block)
        admin.execute(f"VACUUM (FREEZE, ANALYZE) {table}".encode())


def load(admin: psycopg.Connection[Any], conninfo: str, population: Population) -> float:
    """Load every contestant's tables, two at a time, and return the seconds it took."""
    started = time.monotonic()
    host_rows = population.host_rows()
    with tempfile.NamedTemporaryFile("w") as file, ThreadPoolExecutor(2) as pool:
        file.writelines(track(population.message_rows(), "  rows", total=population.messages))
        file.flush()
        print(f"  made after {time.monotonic() - started:.0f} s", flush=True)
        loads = {
            pool.submit(_load_schema, conninfo, schema, host_rows, file.name): schema
            for schema in SCHEMAS
        }
        for done in as_completed(loads):
            done.result()
            print(f"  {loads[done]}: loaded after {time.monotonic() - started:.0f} s", flush=True)
    admin.execute("VACUUM (FREEZE, ANALYZE)")
    admin.execute("CREATE EXTENSION pg_prewarm")
    admin.execute(
        "SELECT pg_prewarm(indexrelid) FROM pg_index WHERE indrelid::regclass::text ~ 'messages$'"
    )
    admin.execute("CHECKPOINT")
    population.random.shuffle(population.received)
    return time.monotonic() - started


def relation_bytes(admin: psycopg.Connection[Any]) -> dict[str, dict[str, int]]:
    """The size of each contestant's table of messages and of its indexes."""
    rows = admin.execute(
        "SELECT relnamespace::regnamespace::text, relname, pg_relation_size(oid) FROM pg_class"
        " WHERE relname ~ '^skill_messages' AND relkind IN ('r', 'i')"
        " AND relnamespace = ANY (%s::regnamespace[]) ORDER BY relkind DESC, relname",
        [list(SCHEMAS)],
    )
    sizes: dict[str, dict[str, int]] = {schema: {} for schema in SCHEMAS}
    for schema, name, size in rows:
        sizes[schema][name] = size
    return sizes
