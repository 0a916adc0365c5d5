"""docs/operating.md: every block that has a name is run as it stands there, on real servers."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from testing.common.database import get_unused_port
from testing.postgresql import find_program
from typing_extensions import LiteralString

from tests.conftest import wait_for_port
from tools.server import ROOT, Server, as_unprivileged, hand_over

# Language, who runs it, name.
BLOCK = re.compile(r"^```(console|sql(?: (\w+))?) ([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = {
    name: (who, text)
    for _, who, name, text in BLOCK.findall((ROOT / "docs/operating.md").read_text())
}

# What must come back: read, decided and erased messages, in two tenants.
ROWS: LiteralString = """
INSERT INTO tenants (id, name) VALUES ('globex', 'Globex');
INSERT INTO users (id, tenant_id, name) VALUES ('gus', 'globex', 'Gus'), ('ida', 'globex', 'Ida');
INSERT INTO skills (id, tenant_id, name) VALUES ('welding', 'globex', 'Welding');
INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message,
    created_at)
SELECT 'm' || n, 'acme', 'ann', 'bob', 'sql', 'etl', E'A "text"\t\\\\ ' || n,
    now() - n * interval '1 day'
FROM generate_series(1, 40) AS n
UNION ALL
SELECT 'm' || n, 'globex', 'gus', 'ida', 'welding', NULL, 'Shall we?', now()
FROM generate_series(1, 20) AS n;
UPDATE skill_messages SET read_at = created_at + interval '1 hour' WHERE id LIKE '%2';
UPDATE skill_messages SET status = 'accepted' WHERE id LIKE '%2';
UPDATE skill_messages SET status = 'declined' WHERE id LIKE '%3';
UPDATE skill_messages SET message = '[erased]' WHERE id LIKE '%13';
"""

OURS: LiteralString = """
SELECT rolname FROM pg_roles WHERE rolname ~ '^(app|skill|service|retention|monitor|replicator)'
"""
SEND: LiteralString = (
    "SELECT send_skill_message(%s, 'bob', 'sql', 'Hello') FROM set_skill_message_context('acme')"
)


class Guide:
    """Runs the guide's blocks in a directory that looks like the root of the repository."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("deploy", "revert", "verify", "sql", "sqitch.plan", "sqitch.conf"):
            (directory / name).symlink_to(ROOT / name)

    def attempt(
        self, name: str, port: int, dbname: str = "app"
    ) -> subprocess.CompletedProcess[str]:
        who, text = BLOCKS[name]
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", who, "-d", dbname, "-f", "-"]
        return subprocess.run(
            command if who else ["bash", "-e"],
            input=text if who else re.sub(r"^\$ ", "", text, flags=re.MULTILINE),
            env=os.environ
            | {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PSQLRC": os.devnull}
            | {"SQITCH_SYSTEM_CONFIG": os.devnull, "SQITCH_USER_CONFIG": os.devnull}
            | {"SQITCH_FULLNAME": "DBA", "SQITCH_EMAIL": "dba@localhost"},
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, name: str, port: int, dbname: str = "app") -> str:
        done = self.attempt(name, port, dbname)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout


def connect(port: int, user: str = "postgres", dbname: str = "app") -> psycopg.Connection[Any]:
    conninfo = f"host=127.0.0.1 port={port} dbname={dbname} user={user}"
    return psycopg.connect(conninfo, autocommit=True)


def rows(port: int) -> list[list[tuple[Any, ...]]]:
    with connect(port) as superuser:
        return [
            superuser.execute(f"TABLE {table} ORDER BY 1, 2".encode()).fetchall()
            for table in ("tenants", "users", "skills", "skill_messages")
        ]


def seen_by_service(port: int) -> list[tuple[Any, ...]]:
    """What a login of the service sees that has chosen no tenant."""
    with connect(port, "service_login") as service:
        return service.execute("SELECT DISTINCT tenant_id FROM skill_messages").fetchall()


def until_equal(one: int, other: int) -> None:
    deadline = time.monotonic() + 30
    while rows(one) != rows(other):
        assert time.monotonic() < deadline, "the rows never became equal"
        time.sleep(0.1)


@contextlib.contextmanager
def started(data: Path) -> Iterator[int]:
    """A server on a copied data directory; yields its port."""
    for path in (data, *data.rglob("*")):
        hand_over(path)
    port = get_unused_port()
    command = [find_program("postgres", ["bin"]), "-D", str(data), "-p", str(port)]
    command += ["-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    with (data / "log").open("w") as log:
        process = subprocess.Popen(as_unprivileged(command), stderr=log, text=True)
    try:
        wait_for_port(port, process)
        subprocess.run(
            ["bash", "-c", f"until pg_isready -q -h 127.0.0.1 -p {port}; do sleep 0.1; done"],
            check=True,
            timeout=60,
        )
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


@pytest.fixture
def guide() -> Iterator[Guide]:
    with tempfile.TemporaryDirectory() as directory:
        hand_over(directory)
        yield Guide(Path(directory))


@pytest.fixture(scope="module")
def main() -> Iterator[Server]:
    """The server of the guide, as far as its first tenant; then with messages."""
    settings = "-h 127.0.0.1 -F -c logging_collector=off -c wal_level=logical"
    with Server(postgres_args=settings) as server, tempfile.TemporaryDirectory() as directory:
        guide, port = Guide(Path(directory)), server.settings["port"]
        guide.run("owner", port, "postgres")
        guide.run("deploy", port)
        for name in ("logins", "more-logins", "first-tenant"):
            guide.run(name, port)
        with connect(port) as superuser:
            superuser.execute(ROWS)
        with connect(port, dbname="postgres") as superuser:
            superuser.execute("ALTER DATABASE app RENAME TO filled")
        yield server


@pytest.fixture
def here(main: Server) -> Iterator[int]:
    """The port of that server, with an `app` of this test's own."""
    port = main.settings["port"]
    with connect(port, dbname="postgres") as superuser:
        superuser.execute("CREATE DATABASE app TEMPLATE filled OWNER app_owner")
        yield port
        superuser.execute("DROP DATABASE app WITH (FORCE)")


@pytest.fixture
def there(fresh_server: Server) -> Iterator[int]:
    """The port of another server, which knows nothing of roles and databases."""
    port = fresh_server.settings["port"]
    yield port
    with connect(port, dbname="postgres") as superuser:
        for dbname in ("app", "filled"):
            superuser.execute(f"DROP DATABASE IF EXISTS {dbname} WITH (FORCE)".encode())
        for (role,) in superuser.execute(OURS).fetchall():
            superuser.execute(f"DROP OWNED BY {role}".encode())
        for (role,) in superuser.execute(OURS).fetchall():
            superuser.execute(f"DROP ROLE {role}".encode())


def test_every_block_is_run_here() -> None:
    source = Path(__file__).read_text()
    assert len(BLOCKS) > 30
    assert [name for name in BLOCKS if f'"{name}"' not in source] == []


def test_what_each_login_sees(here: int, guide: Guide) -> None:
    with connect(here, "app_owner") as owner:
        owner.execute("VACUUM ANALYZE skill_messages")
    # An older server is one, rightly.
    assert "WARNING" not in guide.run("check", here).replace("WARNING  server", "")
    with connect(here, "monitor_login") as monitor:
        totals = monitor.execute("SELECT messages, unread FROM skill_message_totals")
        assert totals.fetchone() == (60, 54)
        with pytest.raises(errors.InsufficientPrivilege):
            monitor.execute("SELECT id FROM skill_messages")
    with connect(here, "retention_login") as retention, retention.transaction():
        retention.execute("SELECT set_skill_message_context('acme')")
        assert retention.execute("SELECT id FROM skill_messages").rowcount == 40
        with pytest.raises(errors.InsufficientPrivilege):
            retention.execute("SELECT message FROM skill_messages")
    assert seen_by_service(here) == []


def test_admin_option_gives_no_rights_of_the_roles(here: int) -> None:
    with connect(here) as superuser:
        if superuser.info.server_version < 160000:
            pytest.skip("GRANT … WITH INHERIT came with PostgreSQL 16")
        superuser.execute("CREATE ROLE app_heir CREATEROLE LOGIN")
        text = BLOCKS["admin-option"][1].replace("app_owner", "app_heir")
        superuser.execute(text.encode())
        with connect(here, "app_heir") as heir:
            heir.execute("CREATE ROLE app_new LOGIN")
            heir.execute("GRANT skill_messages_app TO app_new")
            usage = "SELECT pg_has_role('skill_messages_app', 'USAGE')"
            assert heir.execute(usage.encode()).fetchone() == (False,)
        superuser.execute("DROP OWNED BY app_heir CASCADE")
        superuser.execute("REVOKE skill_messages_app FROM app_new GRANTED BY app_heir")
        superuser.execute("DROP ROLE app_new")
        superuser.execute("DROP ROLE app_heir")


def test_backup_of_the_cluster_by_files(here: int, guide: Guide) -> None:
    guide.run("base-backup", here)
    with started(guide.directory / "base") as copy:
        assert rows(copy) == rows(here)
        guide.run("verify", copy)


def test_backup_of_the_cluster_as_sql(here: int, there: int, guide: Guide) -> None:
    guide.run("dump-cluster", here)
    done = guide.attempt("restore-cluster", there)
    complaints = [line for line in done.stderr.splitlines() if "ERROR" in line]
    # This test's servers have a role more than the guide's.
    assert all(re.search('"(postgres|deployer)" already exists', line) for line in complaints)
    assert rows(there) == rows(here)
    guide.run("verify", there)
    assert seen_by_service(there) == []


def test_backup_of_one_database(here: int, there: int, guide: Guide) -> None:
    guide.run("dump-database", here)
    guide.run("read-dump", here)
    guide.run("restore-database", there)
    assert rows(there) == rows(here)
    guide.run("verify", there)
    assert seen_by_service(there) == []
    with connect(there, "service_login") as service:
        assert service.execute(SEND, ["ann"]).rowcount == 1


def test_restored_in_one_piece_a_table_is_closed_all_the_time(
    here: int, there: int, guide: Guide
) -> None:
    """In three pieces it is open between the second and the third, as the guide warns."""
    guide.run("dump-database", here)
    text = subprocess.run(
        ["pg_restore", "--file=-", guide.directory / "app.dump"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    grants = [match.start() for match in re.finditer(r"^GRANT .* skill_messages ", text, re.M)]
    grants += [match.start() for match in re.finditer(r"^GRANT .* ON TABLE ", text, re.M)]
    walls = [
        match.start() for match in re.finditer(r"^CREATE POLICY |ENABLE ROW LEVEL", text, re.M)
    ]
    assert len(walls) > 10
    assert min(grants) > max(walls)

    guide.run("owner", there, "postgres")
    guide.run("roles-by-hand", there)
    guide.run("logins", there)
    guide.run("more-logins", there)
    conninfo = f"host=127.0.0.1 port={there} user=postgres dbname=app"
    for section, seen in (("pre-data", 0), ("data", 2), ("post-data", 0)):
        command = ["pg_restore", f"--section={section}", f"--dbname={conninfo}", "app.dump"]
        subprocess.run(command, check=True, cwd=guide.directory)
        assert len(seen_by_service(there)) == seen, section


def test_restored_without_the_roles_it_is_closed(here: int, there: int, guide: Guide) -> None:
    guide.run("dump-database", here)
    conninfo = f"host=127.0.0.1 port={there} user=postgres dbname=postgres"
    command = ["pg_restore", "--create", f"--dbname={conninfo}", "app.dump"]
    done = subprocess.run(command, cwd=guide.directory, capture_output=True, check=False)
    assert done.returncode != 0
    with connect(there) as superuser:
        superuser.execute("CREATE ROLE service_login LOGIN")
        superuser.execute("GRANT SELECT ON skill_messages TO service_login")
        assert superuser.execute("SELECT FROM skill_messages").rowcount == 60
    assert seen_by_service(there) == []
    with connect(there, "service_login") as service, service.transaction():
        service.execute("SET LOCAL app.current_tenant_id = 'acme'")
        assert service.execute("SELECT FROM skill_messages").rowcount == 0


def test_a_dump_by_the_owner_is_seen_to_have_failed(here: int, guide: Guide) -> None:
    for options in (["--format=custom", "--file=app.dump"], ["--file=app.sql"]):
        done = subprocess.run(
            ["pg_dump", *options, f"host=127.0.0.1 port={here} dbname=app user=app_owner"],
            cwd=guide.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "query would be affected by row-level security policy" in done.stderr
    assert guide.attempt("read-dump", here).returncode != 0
    assert "dump complete" not in (guide.directory / "app.sql").read_text()


def test_backup_and_restore_as_the_owner(here: int, there: int, guide: Guide) -> None:
    guide.run("dump-as-owner", here)
    guide.run("owner", there, "postgres")
    guide.run("roles-by-hand", there)
    guide.run("restore-as-owner", there)
    assert rows(there) == rows(here)
    guide.run("verify", there)
    with connect(there) as superuser:
        superuser.execute("CREATE ROLE service_login LOGIN IN ROLE skill_messages_service")
    assert seen_by_service(there) == []


def test_backup_as_the_owner_tenant_by_tenant(here: int, guide: Guide) -> None:
    guide.run("dump-tenant", here)
    dumped = (guide.directory / "acme.sql").read_text()
    assert len(re.findall(r"^m\d+\tacme\t", dumped, re.MULTILINE)) == 40
    assert "globex" not in dumped


def test_data_into_a_deployed_database(
    here: int, there: int, guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the owner, and as a superuser, whom row-level security does not stop."""
    guide.run("dump-data", here)
    guide.run("owner", there, "postgres")
    guide.run("deploy", there)

    text = BLOCKS["restore-data"][1]
    harmful = {
        "a new message is pending": re.sub(".* TRIGGER .*", "", text),
        "row-level security": re.sub(".*ROW LEVEL.*", "", text),
        "division by zero": text.replace("data.sql", "data.sql\nSELECT 1 / 0;"),
    }
    for who in ("app_owner", "postgres"):
        for error, half in harmful.items():
            monkeypatch.setitem(BLOCKS, "restore-data", (who, half))
            assert error in guide.attempt("restore-data", there).stderr
            assert rows(there) == [[], [], [], []]

        monkeypatch.setitem(BLOCKS, "restore-data", (who, text))
        guide.run("restore-data", there)
        assert rows(there) == rows(here)
        with connect(there) as superuser:
            superuser.execute("TRUNCATE tenants, users, skills, skill_messages")
        harmful.pop("row-level security", None)
    guide.run("verify", there)


READS = [
    "get_messages_for_user('bob')",
    "get_messages_from_user('ann')",
    "get_named_messages_for_user('bob')",
    "get_skill_message('m1')",
    "get_unread_count_for_user('bob')",
    "get_message_stats()",
    "export_user_messages('ann')",
    "skill_messages_version()",
]
WRITES = [
    "send_skill_message('ann', 'bob', 'sql', 'Hello')",
    """send_skill_messages('[{"from_user_id": "ann", "to_user_id": "bob", "message": "Hello",
        "subject_skill_id": "sql"}]')""",
    "mark_message_read('m1')",
    "mark_messages_read('bob', now())",
    "update_message_status('m1', 'accepted')",
]


def test_standby(here: int, guide: Guide) -> None:
    command = ["pg_basebackup", "--username=replicator", "--host=127.0.0.1", f"--port={here}"]
    base = guide.directory / "standby"
    subprocess.run(
        [*command, "--write-recovery-conf", f"--pgdata={base}", "-c", "fast"], check=True
    )
    with started(base) as standby, connect(standby, "service_login") as service:
        service.execute("SET app.current_tenant_id = 'acme'")
        for call in READS:
            assert service.execute(f"SELECT {call}".encode()).rowcount > 0
        for call in WRITES:
            with pytest.raises(errors.ReadOnlySqlTransaction) as raised:
                service.execute(f"SELECT {call}".encode())
            assert "on the primary server" in str(raised.value.diag.message_hint)
        with pytest.raises(errors.ReadOnlySqlTransaction):
            service.execute("LISTEN skill_message_sent")
        with connect(standby, "retention_login") as retention:
            purge = "CALL purge_skill_messages('1 day', tenant_id => 'acme', dry_run => {})"
            retention.execute(purge.format("true").encode())
            with pytest.raises(errors.ReadOnlySqlTransaction):
                retention.execute(purge.format("false").encode())
        guide.run("check", standby)
        guide.run("dump-database", standby)
        guide.run("verify", standby)


def test_logical_replication(here: int, there: int, guide: Guide) -> None:
    guide.run("owner", there, "postgres")
    guide.run("deploy", there)
    guide.run("publication", here)
    text = BLOCKS["subscription"][1].replace("dbname=app", f"dbname=app host=127.0.0.1 port={here}")
    with connect(there) as superuser:
        if superuser.info.server_version >= 160000:
            text = text.replace(";", " WITH (run_as_owner = true);")
        superuser.execute(text.encode())
        try:
            until_equal(here, there)
            with connect(here, "service_login") as service:
                service.execute(SEND, ["ann"])
                with service.transaction():
                    service.execute("SELECT set_skill_message_context('acme')")
                    service.execute("SELECT mark_message_read('m1')")
                    service.execute("SELECT update_message_status('m1', 'declined')")
                    service.execute("DELETE FROM skills WHERE id = 'etl'")
            until_equal(here, there)

            if superuser.info.server_version < 160000:
                with pytest.raises(errors.InsufficientPrivilege):
                    superuser.execute("ALTER SUBSCRIPTION messages OWNER TO app_owner")
        finally:
            superuser.execute("DROP SUBSCRIPTION messages")


def test_a_stuck_deploy(here: int, guide: Guide) -> None:
    with connect(here, "app_owner") as owner:
        assert guide.run("lock-holder", here) == ""
        owner.execute("SELECT pg_advisory_lock(1936420211)")
        assert guide.run("lock-holder", here).startswith(f"{owner.info.backend_pid}|app_owner|")

    with connect(here, "app_owner") as owner, pytest.raises(errors.UniqueViolation):
        owner.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON skill_messages (to_user_id)")
    assert "broken" in guide.run("check", here)
    with connect(here, "app_owner") as owner:
        owner.execute("DROP INDEX CONCURRENTLY broken")

    before = rows(here)
    guide.run("drop-registry", here)
    with connect(here, "app_owner") as owner:
        owner.execute("CREATE SCHEMA sqitch CREATE TABLE releases (version real PRIMARY KEY)")
    assert '"releases" already exists' in guide.attempt("deploy", here).stderr
    guide.run("drop-registry", here)
    guide.run("deploy", here)
    guide.run("verify", here)
    assert rows(here) == before


def test_revert(here: int, guide: Guide, monkeypatch: pytest.MonkeyPatch) -> None:
    who, text = BLOCKS["revert-discard"]
    monkeypatch.setitem(BLOCKS, "revert-discard", (who, text.replace("=discard", "=")))
    assert "this revert would lose 60 rows" in guide.attempt("revert-discard", here).stderr
    monkeypatch.undo()

    before = rows(here)
    guide.run("revert-keep", here)
    assert rows(here) == before
    guide.run("revert-discard", here)
    guide.run("drop-registry", here)
    with connect(here) as superuser:
        ours = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert superuser.execute(ours.encode()).fetchall() == []
        assert superuser.execute("SELECT to_regnamespace('sqitch')").fetchone() == (None,)


def test_users_and_tenants_that_leave(here: int, guide: Guide) -> None:
    refused = guide.attempt("delete-user", here)
    assert refused.returncode != 0
    assert "skill_messages_from_user_id_fkey" in refused.stderr
    guide.run("erase-user", here)
    guide.run("delete-user", here)

    with connect(here, "service_login") as service:
        service.execute(SEND, ["bob"])
    guide.run("purge-tenant", here)
    assert len(rows(here)[3]) == 20
    guide.run("delete-tenant", here)
    left = rows(here)
    assert {row[0] for row in left[0]} == {"globex"}
    assert {row[1] for table in left[1:] for row in table} == {"globex"}


def test_retention(here: int, guide: Guide) -> None:
    guide.run("purge", here)
    guide.run("purge-all", here)
    with connect(here, "purge_login") as purger:
        call = "CALL purge_skill_messages('0', include_pending => true, include_unread => true)"
        assert purger.execute(call.encode()).fetchone() == (60,)
    with connect(here) as superuser:
        superuser.execute("DROP OWNED BY purge_login; DROP ROLE purge_login")


def test_autovacuum_and_maintenance(here: int, guide: Guide) -> None:
    guide.run("autovacuum", here)
    with connect(here, "app_owner") as owner:
        owner.execute("REINDEX TABLE CONCURRENTLY skill_messages")
        owner.execute("VACUUM FULL skill_messages")
    guide.run("verify", here)


def test_transaction_ids_of_a_send(here: int) -> None:
    current = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    batch = (
        "SELECT send_skill_messages(jsonb_agg(jsonb_build_object('from_user_id', 'ann', "
        "'to_user_id', 'bob', 'subject_skill_id', 'sql', 'message', 'Hello'))) "
        "FROM generate_series(1, 100)"
    )

    def spent(service: psycopg.Connection[Any], *queries: str) -> int:
        (before,) = service.execute(current.encode()).fetchone() or (0,)
        with service.transaction():
            service.execute("SELECT set_skill_message_context('acme')")
            for query in queries:
                service.execute(query.encode())
        (after,) = service.execute(current.encode()).fetchone() or (0,)
        return int(after) - int(before)

    send = "SELECT send_skill_message('ann', 'bob', 'sql', 'Hello')"
    with connect(here, "service_login") as service:
        assert spent(service, send) == 2
        assert spent(service, *[send] * 10) == 11
        assert spent(service, batch) == 2
        assert spent(service, "SELECT mark_message_read('m1')") == 1
        assert spent(service, "SELECT update_message_status('m1', 'accepted')") == 1


WAITS: list[tuple[LiteralString, str, bool]] = [
    ("SELECT FROM tenants WHERE id = 'acme' FOR UPDATE", "ann", True),
    ("SELECT FROM tenants WHERE id = 'acme' FOR NO KEY UPDATE", "ann", False),
    ("SELECT FROM tenants WHERE id = 'acme' FOR SHARE", "ann", False),
    ("UPDATE tenants SET name = 'Other' WHERE id = 'acme'", "ann", False),
    ("SELECT FROM users WHERE id = 'ann' FOR UPDATE", "ann", True),
    ("SELECT FROM users WHERE id = 'ann' FOR UPDATE", "bob", False),
    ("UPDATE users SET id = 'free' WHERE id = 'idle'", "ann", False),
    ("DELETE FROM users WHERE id = 'idle'", "idle", True),
    ("ALTER TABLE users ADD COLUMN more text", "ann", True),
    ("CREATE INDEX ON users (name)", "ann", False),
]


def test_locks_that_block_a_tenant(here: int) -> None:
    with connect(here) as superuser, connect(here, "service_login") as service:
        superuser.execute("INSERT INTO users VALUES ('idle', 'acme', 'Idle')")
        service.execute("SET lock_timeout = '200ms'")
        for statement, sender, waits in WAITS:
            with superuser.transaction(force_rollback=True):
                superuser.execute(statement)
                with pytest.raises(errors.LockNotAvailable) if waits else contextlib.nullcontext():
                    service.execute(SEND, [sender])
                with service.transaction():
                    service.execute("SELECT set_skill_message_context('acme')")
                    service.execute("SELECT mark_message_read('m5')")
                    service.execute("SELECT count(*) FROM get_messages_for_user('bob')")
