"""Adoption under traffic: a large host goes on while the package is deployed and reverted."""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import Database, wait_until
from tests.trial.report import Figure
from tools.server import DEPLOYER, Server, sqitch

# As the live host has them: what matters is their size, and the traffic on them.
TABLES = """
CREATE TABLE tenants (id text PRIMARY KEY, name text);
CREATE TABLE users (id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenants, name text);
CREATE TABLE skills (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenants,
    author_id text REFERENCES users, name text
);
INSERT INTO tenants SELECT 't' || n, 'Tenant' FROM generate_series(0, 99) AS n;
INSERT INTO users SELECT 'u' || n, 't' || n % 100, 'User' FROM generate_series(1, {rows}) AS n;
INSERT INTO skills SELECT 's' || n, 't' || n % 100, 'u' || n, 'Skill'
FROM generate_series(1, {rows}) AS n;
"""

TRAFFIC = r"""
\set n random(1, {rows})
\set m random(1, 1000000000000)
SELECT u.name FROM skills AS s INNER JOIN users AS u ON s.author_id = u.id WHERE s.id = 's:n';
UPDATE users SET name = 'User :m' WHERE id = 'u:n';
UPDATE skills SET name = 'Skill :m' WHERE id = 's:n';
INSERT INTO skills VALUES ('n' || :m, 't1', 'u1', 'New') ON CONFLICT DO NOTHING;
"""

READER = "TABLE tenants LIMIT 1; TABLE users LIMIT 1; TABLE skills LIMIT 1; TABLE skill_messages"
WRITER = "UPDATE users SET name = 'A' WHERE id = 'u1'; UPDATE skills SET name = 'A' WHERE id = 's1'"
LAST_KEY = "private/add_foreign_key"

# Every wait for a lock that lasts longer is logged, with how long it was.
LOGGING = (
    "-h 127.0.0.1 -c log_lock_waits=on -c deadlock_timeout=20ms -c log_line_prefix=%a: "
    "-c logging_collector=on -c log_filename=server.log -c log_rotation_age=0"
)
WAIT = re.compile(r"^pgbench:LOG: .* acquired \w+ on relation .* after ([\d.]+) ms", re.MULTILINE)

GOAL_MS = 250


@contextmanager
def traffic(database: Database, rows: int) -> Iterator[None]:
    """Pgbench as the host's four clients; none of their statements may fail."""
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "traffic.sql")
        script.write_text(TRAFFIC.format(rows=rows))
        command = ["pgbench", "-n", "-c", "4", "-T", "3600", "-f", str(script)]
        with subprocess.Popen(
            [*command, database.conninfo()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            with database.connect() as connection:
                busy = "SELECT FROM pg_stat_activity WHERE application_name = 'pgbench'"
                wait_until(lambda: connection.execute(busy).rowcount == 4)
            yield
            failed = process.poll() is not None
            process.terminate()
            _, complaint = process.communicate()
            if failed:
                raise RuntimeError(f"the host's traffic failed: {complaint}")


def succeeds(database: Database, command: str) -> None:
    done = sqitch(command, database.target, *(["-y"] if command == "revert" else []))
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)


@contextmanager
def open_transaction(database: Database, statement: str, begin: str) -> Iterator[None]:
    """Another transaction that holds its locks for ten seconds, from when a change is deployed."""

    def hold() -> None:
        deployed = "SELECT FROM sqitch.changes WHERE change = %s"
        with database.connect() as connection:
            wait_until(lambda: connection.execute(deployed, [begin]).rowcount == 1, 300)
            with connection.transaction():
                connection.execute(statement.encode())
                time.sleep(10)

    with ThreadPoolExecutor() as pool:
        holding = pool.submit(hold)
        yield
        holding.result()


def campaign(rows: int) -> Iterator[Figure]:
    """Deploy and revert on a host with so many users and skills, and traffic on them.

    Raises:
        RuntimeError: Sqitch or a statement of the host failed; the text is what it printed.
    """
    with Server(postgres_args=LOGGING) as server:
        database = Database(server, "trial")
        server.create_database(database.name)
        with database.connect(DEPLOYER) as connection:
            connection.execute(TABLES.format(rows=rows).encode())
            connection.execute("VACUUM ANALYZE")
        log = Path(server.get_data_directory(), "log", "server.log")
        for title, command, statement, begin in (
            ("deploy", "deploy", "", ""),
            ("revert beside a reader's open transaction of 10 s", "revert", READER, "preflight"),
            ("deploy beside a writer's, begun before the keys", "deploy", WRITER, "preflight"),
            ("revert", "revert", "", ""),
            ("deploy beside a writer's, begun before the foreign keys", "deploy", WRITER, LAST_KEY),
        ):
            seen = log.stat().st_size
            with traffic(database, rows):
                if statement:
                    with open_transaction(database, statement, begin):
                        succeeds(database, command)
                else:
                    succeeds(database, command)
            waits = [float(found) for found in WAIT.findall(log.read_text()[seen:])]
            longest = max(waits, default=0)
            yield (
                f"{title}: {rows:,} users and skills, 4 clients",
                f"no wait for a lock over {GOAL_MS} ms",
                f"{longest:.0f} ms" if waits else "none over 20 ms",
                longest <= GOAL_MS,
            )
