"""The campaign of sql/convert.sql: a large table under traffic, and a small one interrupted.

The test of the conversion borrows its table, its traffic and its psql from here.
"""

import contextlib
import itertools
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from tests.conftest import Database, dump
from tests.trial import plot
from tests.trial.report import Figure
from tools.server import DEPLOYER, ROOT, Server, deploy

TENANTS = 5

# The table as applications have it that followed this design by hand.
HAND_WRITTEN = (ROOT / "tests/hosts/hand_written.sql").read_text()

# On top of the live host. Users, skills and messages of one tenant are congruent modulo 5. Times
# have microseconds; some readings lie before the message, some ahead of the clock.
ROWS = """
INSERT INTO tenants (id, slug, name)
SELECT 't' || n, 't' || n, 'Tenant ' || n FROM generate_series(3, 5) AS n;
INSERT INTO users (id, tenant_id, email, name)
SELECT 'u' || n, 't' || n % 5 + 1, format('u%s@example.com', n), 'User ' || n
FROM generate_series(100, 99 + {users}) AS n;
INSERT INTO skills (id, tenant_id, slug, name, category, content)
SELECT 's' || n, 't' || n % 5 + 1, 'skill-' || n, 'Skill ' || n, 'data', 'How to'
FROM generate_series(100, 99 + {skills}) AS n;
INSERT INTO skill_messages
SELECT
    md5(n::text)::uuid::text, 't' || n % 5 + 1,
    'u' || 100 + n % 5 + 5 * (n / 5 % ({users} / 5)),
    'u' || 100 + n % 5 + 5 * (n / 7 % ({users} / 5)),
    's' || 100 + n % 5 + 5 * (n / 5 % ({skills} / 5)),
    CASE WHEN n % 2 = 0 THEN 's' || 100 + n % 5 + 5 * (n / 9 % ({skills} / 5)) END,
    'Yours resembles mine. Shall I group it under yours? ' || n,
    (ARRAY['pending', 'accepted', 'declined'])[n % 3 + 1],
    now() - n * interval '1.000123 seconds',
    CASE n % 4
        WHEN 0 THEN now() - n * interval '0.900211 seconds'
        WHEN 1 THEN now() - n * interval '0.999999 seconds' + (n % 21 - 10) * interval '1 hour'
    END
FROM generate_series(1, {messages}) AS n;
ANALYZE;
"""


def prepare(database: Database, *, messages: int, users: int, skills: int) -> None:
    """The live host with a hand-written table full of messages."""
    with database.connect(DEPLOYER) as owner:
        owner.execute((ROOT / "tests/hosts/live.sql").read_bytes())
        owner.execute(HAND_WRITTEN.encode())
        owner.execute(ROWS.format(messages=messages, users=users, skills=skills).encode())


def convert(database: Database, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["psql", "-X", "-d", database.conninfo(DEPLOYER), *options, "-f", "sql/convert.sql"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def converted(database: Database, *options: str) -> str:
    """What a conversion prints.

    Raises:
        RuntimeError: It failed; the text is what it printed.
    """
    process = convert(database, *options)
    printed = "".join(process.communicate())
    if process.returncode:
        raise RuntimeError(printed)
    return printed


class Traffic:
    """Hand-written clients at work: as the owner, a tenant each, by startup option or set_config.

    Attributes:
        statements: How many they ran.
        failures: What failed, or did not find or change what it should have.
        longest: The longest statement that ended in each second of their work, in seconds.
    """

    def __init__(self, database: Database, clients: int = 4) -> None:
        self.statements = 0
        self.failures: list[str] = []
        self.longest: dict[int, float] = {}
        self._begun = time.monotonic()
        self._database = database
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=[number]) for number in range(clients)
        ]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def seconds(self) -> float:
        """How long they have been at work."""
        return time.monotonic() - self._begun

    def _work(self, number: int) -> None:
        tenant = f"t{number % TENANTS + 1}"
        by_option = number % 2 == 0
        options = f"-c app.current_tenant_id={tenant}" if by_option else ""
        with self._database.connect(DEPLOYER, options=options, row_factory=tuple_row) as connection:

            def run(query: str, *arguments: object, rows: int | None = 1) -> list[Any]:
                started = time.monotonic()
                try:
                    with contextlib.ExitStack() as stack:
                        if not by_option:
                            stack.enter_context(connection.transaction())
                            choose = "SELECT set_config('app.current_tenant_id', %s, true)"
                            connection.execute(choose, [tenant])
                        done = connection.execute(query.encode(), arguments)
                        found = done.fetchall() if done.description else []
                    if rows is not None and done.rowcount != rows:
                        self.failures.append(f"{done.rowcount} rows: {query}")
                except psycopg.Error as error:
                    self.failures.append(f"{query}: {error}")
                    found = []
                second = int(self.seconds())
                took = time.monotonic() - started
                self.longest[second] = max(self.longest.get(second, 0), took)
                self.statements += 1
                return found

            unread = "SELECT id FROM skill_messages WHERE tenant_id = %s AND read_at IS NULL"
            old = run(f"{unread} AND status = 'pending' LIMIT 5000", tenant, rows=None)
            user, skill = f"u{100 + number}", f"s{100 + number}"
            for turn, (seed,) in zip(itertools.count(), itertools.cycle(old)):
                if self._stop.is_set():
                    return
                fresh = f"client {number} {time.monotonic()}"
                run(
                    "INSERT INTO skill_messages VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    *(fresh, tenant, user, user, skill, skill, "Mine under yours?", "pending"),
                    *(datetime.now(timezone.utc), None),
                )
                inbox = (
                    "SELECT id FROM skill_messages WHERE to_user_id = %s"
                    " ORDER BY created_at DESC LIMIT 50"
                )
                if (fresh,) not in run(inbox, user, rows=None):
                    self.failures.append(f"not in the inbox: {fresh}")
                for message in (fresh, seed):
                    run("UPDATE skill_messages SET read_at = now() WHERE id = %s", message)
                run("UPDATE skill_messages SET status = 'accepted' WHERE id = %s", fresh)
                run("UPDATE users SET name = %s WHERE id = %s", f"User, turn {turn}", user)


@contextlib.contextmanager
def database(server: Server, name: str, template: str = "template1") -> Iterator[Database]:
    server.create_database(name, template)
    yield Database(server, name)
    server.drop_database(name)


@contextlib.contextmanager
def open_writer(database: Database, seconds: float) -> Iterator[None]:
    """A transaction that changed a message and then does nothing for a while."""
    with database.connect(DEPLOYER) as writer:
        writer.execute(
            "BEGIN; UPDATE skill_messages SET read_at = now()"
            " WHERE id = (SELECT id FROM skill_messages WHERE tenant_id = 't5' LIMIT 1)"
        )
        timer = threading.Timer(seconds, writer.execute, ["COMMIT"])
        timer.start()
        yield
        timer.join()


def large(server: Server, messages: int, picture: Path | None) -> Iterator[Figure]:
    with database(server, "large") as large:
        prepare(large, messages=messages, users=10_000, skills=20_000)
        with open_writer(large, seconds=10), Traffic(large) as traffic:
            converted(large)
            took = traffic.seconds()
            stalled, ran = max([*traffic.longest.values()]), traffic.statements
            deploy(large.target)
            deployed = traffic.seconds()
        with large.connect() as superuser:
            uncut = superuser.execute(
                "SELECT FROM skill_messages WHERE created_at <> date_trunc('ms', created_at)"
                " OR read_at <> date_trunc('ms', read_at) OR read_at < created_at"
            ).rowcount
        schema = dump(large, "--schema-only")

    with database(server, "fresh") as fresh:
        with fresh.connect(DEPLOYER) as owner:
            owner.execute((ROOT / "tests/hosts/live.sql").read_bytes())
        deploy(fresh.target)
        same = dump(fresh, "--schema-only") == schema

    if picture:
        felt = {second: longest * 1000 for second, longest in traffic.longest.items()}
        marks = [(took, "converted"), (deployed, "deployed")]
        plot.seconds(picture, "longest statement, ms", felt, marks)
    size = f"{messages:,} messages"
    title = f"conversion of {size} under traffic, a writer 10 s open"
    yield title, "reported only", f"{took:.0f} s", True
    yield (
        "conversion: the longest statement of its clients",
        "≤ 1 s",
        f"{stalled * 1000:.0f} ms",
        stalled <= 1,
    )
    after = max(traffic.longest.values())
    yield (
        "conversion: the same, and with sqitch deploy after it",
        "≤ 1 s",
        f"{after * 1000:.0f} ms",
        after <= 1,
    )
    seen = f"{len(traffic.failures)} of {traffic.statements:,}, {ran:,} of them meanwhile"
    seen = "; ".join([seen, *traffic.failures[:1]])
    yield "conversion: statements that failed or found nothing", "none", seen, not traffic.failures
    yield "conversion: times that are not whole milliseconds", "none", str(uncut), not uncut
    yield "conversion: schema as a fresh deployment's", "yes", "yes" if same else "no", same


def interrupted(server: Server, kills: int) -> Iterator[Figure]:
    """Kill psql or the server's process at random moments, then run the conversion again."""
    template = Database(server, "small")
    server.create_database(template.name)
    prepare(template, messages=20_000, users=200, skills=400)
    with database(server, "undisturbed", template.name) as undisturbed:
        with Traffic(undisturbed, clients=2):
            started = time.monotonic()
            converted(undisturbed)
            took = time.monotonic() - started
        expected = dump(undisturbed, "--schema-only")

    same = 0
    failures: list[str] = []
    for number in range(kills):
        with database(server, f"interrupted_{number}", template.name) as victim:
            with Traffic(victim, clients=2) as traffic:
                process = convert(victim)
                time.sleep(random.uniform(0.05, took))  # noqa: S311
                if number % 2:
                    with victim.connect() as superuser:
                        superuser.execute(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                            " WHERE datname = current_database() AND application_name = 'psql'"
                        )
                else:
                    process.kill()
                process.communicate()
                converted(victim)
            with victim.connect() as superuser:
                whole = superuser.execute(
                    "SELECT FROM skill_messages WHERE created_at = date_trunc('ms', created_at)"
                    " AND id NOT LIKE 'client%'"
                ).rowcount
            same += dump(victim, "--schema-only") == expected and whole == 20_000
            failures += traffic.failures
    server.drop_database(template.name)

    what = "conversions killed, by psql or the server's process, that end as others when run again"
    yield what, str(kills), str(same), same == kills
    seen = "; ".join([str(len(failures)), *failures[:1]])
    yield "and statements of their clients that failed or found nothing", "none", seen, not failures


def campaign(rows: int, kills: int, picture: Path | None = None) -> Iterator[Figure]:
    """A table of so many messages converted under traffic; so many conversions interrupted.

    The picture is an SVG of what the traffic felt meanwhile.

    Raises:
        RuntimeError: A conversion or a deployment failed; the text is what it printed.
    """
    with Server() as server:
        yield from large(server, rows, picture)
        yield from interrupted(server, kills)
