"""A long life: messages are sent, read, decided and purged at a steady size of the table.

python -m tests.bench.bench --only churn. Two databases live side by side on one server: one with
PostgreSQL's own settings of autovacuum, one with the storage parameters below. Each message is four
operations: sent, read, decided and purged. Batches of 100 compress the time; single calls in
between are timed.
"""

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from statistics import quantiles
from typing import Any

import psycopg
from typing_extensions import LiteralString

from skill_messages import SkillMessages
from tests.bench.hosts import MESSAGE, USERS, fill
from tests.bench.server import DurableServer, Size, deployed

TENANTS = 100
BATCH = 100
STEPS = 40  # each ends with a purge, and is noted
FEW = 10  # read or decided in one transaction: people do it one by one
WAITING = 20  # one message in so many is unread, and one is read and pending
PROGRESS = 30  # seconds between two lines
PAUSE = 0.02  # seconds between two timed calls
# Two hours' operations take some minutes, so autovacuum looks and works as many times as often.
COMPRESSED = {"autovacuum_naptime": "3s", "autovacuum_vacuum_cost_delay": "0.1ms"}
RESET = (
    "ALTER TABLE skill_messages RESET (autovacuum_vacuum_scale_factor,"
    " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor)"
)
VARIANTS: dict[str, str] = {
    "PostgreSQL's defaults": RESET,
    "tuned": "ALTER TABLE skill_messages SET (autovacuum_vacuum_scale_factor = 0.02,"
    " autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)",
}

BYTES: LiteralString = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE oid = %(table)s::regclass
    OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(table)s::regclass)
ORDER BY relkind DESC, relname
"""
DEAD: LiteralString = """
SELECT n_dead_tup, autovacuum_count, n_tup_hot_upd, n_tup_upd FROM pg_stat_all_tables
WHERE relid = 'skill_messages'::regclass
"""
DECIDE: LiteralString = """
UPDATE skill_messages SET status = 'accepted' WHERE tenant_id = %s AND id = ANY (%s)
"""
READ: LiteralString = """
UPDATE skill_messages SET read_at = now() WHERE tenant_id = %s AND id = ANY (%s)
"""


def calls(ours: SkillMessages, user: str, sent: list[str]) -> dict[str, Callable[[], object]]:
    """Single calls, to be made in this order."""
    return {
        "send": lambda: sent.append(ours.send_skill_message(user, user, user, MESSAGE)),
        "page": ours.get_messages_for_user,
        "count": lambda: ours.get_unread_count_for_user(at_most=100),
        "mark read": lambda: ours.mark_message_read(sent[0]),
        "accept": lambda: ours.update_message_status(sent[0], "accepted"),
    }


class Pace(threading.Barrier):
    """All lives wait for the slowest at each step, and stop at the same one when time is up."""

    def __init__(self, lives: int, seconds: float) -> None:
        super().__init__(lives, self._check)
        self.over = False
        self._deadline = math.inf
        self._seconds = seconds

    def start(self) -> None:
        self._deadline = time.monotonic() + self._seconds

    def _check(self) -> None:
        self.over = time.monotonic() > self._deadline


class Life:
    """One database and the messages in it."""

    def __init__(
        self, conninfo: str, admin: psycopg.Connection[Any], size: Size, pace: "Pace"
    ) -> None:
        self._pace = pace
        self.admin = admin
        self.steady = size.preloaded
        self._wanted = size.churn_operations
        self.operations = 0
        self.steps: list[dict[str, Any]] = []
        self._service, self._probe = (
            psycopg.connect(f"{conninfo} user=service_login", autocommit=True) for _ in range(2)
        )
        self._service.execute("SET synchronous_commit = off")
        self._retention = psycopg.connect(
            f"{conninfo} user=retention_login", autocommit=True, options="-c search_path=public"
        )
        self._random = random.Random(1)  # noqa: S311
        self._waiting = self.steady // TENANTS // WAITING
        self._unread: list[list[str]] = [[] for _ in range(TENANTS)]
        self._undecided: list[list[str]] = [[] for _ in range(TENANTS)]
        self._born: deque[datetime] = deque()  # of each batch, oldest first
        self._latencies: dict[str, list[float]] = {}
        self._over = threading.Event()

    def _batch(self) -> None:
        """One batch is sent; one sent earlier is read, and one read earlier is decided."""
        tenant = self._random.randrange(TENANTS)
        users = [str(tenant * USERS + number) for number in range(USERS)]
        sender = self._random.choice(users)
        ours = SkillMessages(self._service, tenant_id=str(tenant), prepare=True)
        ids = ours.send_skill_messages(
            [
                {
                    "from_user_id": sender,
                    "to_user_id": (recipient := self._random.choice(users)),
                    "subject_skill_id": sender,
                    "proposed_parent_skill_id": recipient,
                    "message": MESSAGE,
                }
                for _ in range(BATCH)
            ]
        )
        self._born.append(datetime.now(timezone.utc))
        self.operations += BATCH
        self._unread[tenant] += ids
        self._undecided[tenant] += self._answer(READ, tenant, self._unread[tenant])
        self._answer(DECIDE, tenant, self._undecided[tenant])

    def _answer(self, query: LiteralString, tenant: int, waiting: list[str]) -> list[str]:
        """Picks of those that wait, a few in a transaction, until no more wait than should."""
        answered: list[str] = []
        while len(waiting) > self._waiting:
            self._random.shuffle(waiting)
            ids = waiting[-FEW:]
            del waiting[-FEW:]
            with self._service.transaction():
                self._service.execute("SELECT set_skill_message_context(%s)", [str(tenant)])
                self._service.execute(query, [str(tenant), ids])
            answered += ids
        self.operations += len(answered)
        return answered

    def _purge(self) -> None:
        """Whatever makes the table larger than it was at first goes, oldest first."""
        row = self.admin.execute("SELECT count(*) FROM skill_messages").fetchone()
        assert row
        gone = max(row[0] - self.steady, 0) // BATCH
        if not gone:
            return
        before = [self._born.popleft() for _ in range(gone)][-1]
        for tenant in range(TENANTS):
            self._retention.execute(
                "CALL purge_skill_messages(older_than => %s, tenant_id => %s)",
                [datetime.now(timezone.utc) - before, str(tenant)],
            )
        self.operations += gone * BATCH

    def _time(self) -> None:
        """Single calls, one after the other, until the end."""
        user = 0
        while not self._over.wait(PAUSE):
            user = (user + 7919) % (TENANTS * USERS)
            tenant, name = str(user // USERS), str(user)
            ours = SkillMessages(self._probe, tenant_id=tenant, user_id=name, prepare=True)
            sent: list[str] = []
            for kind, call in calls(ours, name, sent).items():
                started = time.perf_counter()
                call()
                self._latencies.setdefault(kind, []).append(time.perf_counter() - started)

    def note(self) -> None:
        bytes_now = dict(self.admin.execute(BYTES, {"table": "skill_messages"}).fetchall())
        dead = self.admin.execute(DEAD).fetchone() or (0, 0, 0, 0)
        taken, self._latencies = self._latencies, {}
        self.steps.append(
            {
                "operations": self.operations,
                "table": bytes_now.pop("skill_messages"),
                "indexes": sum(bytes_now.values()),
                "dead_rows": dead[0],
                "autovacuums": dead[1],
                "hot_share": round(dead[2] / max(dead[3], 1), 2),
                "p99_ms": {
                    name: round(quantiles(samples, n=100)[98] * 1000, 3)
                    for name, samples in taken.items()
                    if len(samples) > 1
                },
            }
        )

    def live(self) -> None:
        """All of it; notes the state at each step."""
        first = datetime.now(timezone.utc) - timedelta(minutes=10)
        batches = self.steady // BATCH
        self._born.extend(first + timedelta(minutes=10) * n / batches for n in range(batches))
        self.note()
        timer = threading.Thread(target=self._time)
        timer.start()
        try:
            for step in range(1, STEPS + 1):
                while self.operations < self._wanted * step / STEPS:
                    self._batch()
                self._purge()
                self.note()
                self._pace.wait()
                if self._pace.over:
                    break
        except BaseException:
            self._pace.abort()
            raise
        finally:
            self._over.set()
            timer.join()


def bloat(admin: psycopg.Connection[Any]) -> dict[str, dict[str, int]]:
    """Bytes now, and of a fresh copy with fresh indexes."""
    admin.execute(
        "CREATE TABLE fresh (LIKE skill_messages INCLUDING INDEXES);"
        " ALTER TABLE fresh SET (fillfactor = 90);"
        " SET synchronize_seqscans = off; INSERT INTO fresh SELECT * FROM skill_messages;"
        " REINDEX TABLE fresh"
    )
    used, fresh = (
        admin.execute(BYTES, {"table": table}).fetchall() for table in ("skill_messages", "fresh")
    )
    # LIKE names the indexes otherwise: their columns tell which is which.
    columns = "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
    define = {name: text.split(" USING ")[1] for name, text in admin.execute(columns.encode())}
    fresh_by = {define.get(name, "table"): size for name, size in fresh}
    return {
        name: {"bytes": size, "fresh": fresh_by[define.get(name, "table")]} for name, size in used
    }


def run(server: DurableServer, size: Size) -> dict[str, Any]:
    for name, value in COMPRESSED.items():
        server.set(name, value)
    lives: dict[str, Life] = {}
    pace = Pace(len(VARIANTS), size.churn_seconds)
    started = time.monotonic()
    with ExitStack() as stack:
        for number, (variant, statement) in enumerate(VARIANTS.items()):
            conninfo, admin = stack.enter_context(deployed(server, f"churn_{number}"))
            admin.execute(statement.encode())
            fill(admin, TENANTS, size.preloaded)
            lives[variant] = Life(conninfo, admin, size, pace)
        pace.start()
        with ThreadPoolExecutor() as pool:
            futures = [pool.submit(life.live) for life in lives.values()]
            while not all(future.done() for future in futures):
                wait(futures, PROGRESS)
                done = ", ".join(f"{life.operations:,}" for life in lives.values())
                print(f"  {done} of {size.churn_operations:,} operations", flush=True)
            for future in futures:
                future.result()
        found = {
            variant: {"steps": life.steps, "bloat": bloat(life.admin), "parameters": statement}
            for (variant, life), statement in zip(lives.items(), VARIANTS.values(), strict=True)
        }
    for number in range(len(VARIANTS)):
        server.drop_database(f"churn_{number}")
    return {
        "steady": size.preloaded,
        "wanted": size.churn_operations,
        "seconds": round(time.monotonic() - started),
        "variants": found,
    }
