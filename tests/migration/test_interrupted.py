"""Deploys and reverts that stop anywhere and are run again; "make trial" kills many of them."""

import subprocess
from collections.abc import Iterator

import psycopg
import pytest
from typing_extensions import LiteralString

from tests.conftest import Database, dump, wait_until
from tools.onefile import parse
from tools.server import DEPLOYER, ROOT, sqitch

CHANGES = [name for name, _ in parse((ROOT / "sqitch.plan").read_text())[0]]

LOCK = 1936420211

ROWS: LiteralString = """
INSERT INTO tenants VALUES ('t', 'T');
INSERT INTO users VALUES ('u', 't', 'U');
INSERT INTO skills VALUES ('s', 't', 'S');
SET app.current_tenant_id = 't';
INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
VALUES ('t', 'u', 'u', 's', 'Hello');
"""


def psql(database: Database, script: str, *options: str) -> subprocess.Popen[str]:
    """What Sqitch runs for a script, without recording it."""
    command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *options]
    return subprocess.Popen(
        [*command, f"--file={ROOT / script}.sql", database.conninfo(DEPLOYER)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(database: Database, script: str, *options: str) -> str:
    process = psql(database, script, *options)
    _, complaint = process.communicate()
    assert process.returncode == 0, f"{script}: {complaint}"
    return complaint


@pytest.fixture(params=["empty", "host"])
def database(request: pytest.FixtureRequest) -> Database:
    database: Database = request.getfixturevalue(request.param)
    return database


def test_every_script_can_be_run_again(database: Database) -> None:
    """Killed between the end of a script and Sqitch's note of it: Sqitch runs it once more."""
    before = dump(database)
    assert sqitch("deploy", database.target).returncode == 0
    after = dump(database)
    assert sqitch("revert", database.target, "-y").returncode == 0

    for change in CHANGES:
        run(database, f"deploy/{change}")
        run(database, f"deploy/{change}")
    assert dump(database) == after
    for change in reversed(CHANGES):
        run(database, f"revert/{change}")
        run(database, f"revert/{change}")
    assert dump(database) == before


def test_all_scripts_once_more_change_nothing(database: Database) -> None:
    """Not the messages, not the privileges, not for a moment: the service reads all the time."""
    assert sqitch("deploy", database.target).returncode == 0
    with database.connect() as connection:
        connection.execute(ROWS)
        before = dump(database)
        connection.execute("SET ROLE skill_messages_service")
        for change in CHANGES:
            process = psql(database, f"deploy/{change}")
            reading = True
            while reading:
                reading = process.poll() is None
                assert connection.execute("SELECT FROM skill_messages").rowcount == 1, change
            assert process.wait() == 0, process.communicate()[1]
            process.communicate()
        connection.execute("RESET ROLE")
    assert dump(database) == before


def test_one_deploy_or_revert_at_a_time(database: Database) -> None:
    """The server goes on with a killed client's statement: the next run says that it waits."""
    with database.connect() as zombie:

        def is_waiting() -> bool:
            query = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            return zombie.execute(query).rowcount == 1

        assert sqitch("deploy", database.target, "--to", "tables/host_tables").returncode == 0
        for kind in ("deploy", "revert"):
            for change in ("tables/users_key", "tables/host_tables"):
                zombie.execute("SELECT pg_advisory_lock(%s)", [LOCK])
                process = psql(database, f"{kind}/{change}")
                wait_until(is_waiting)
                assert process.poll() is None
                zombie.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
                _, told = process.communicate()
                assert process.returncode == 0, told
                pid = zombie.info.backend_pid
                assert (
                    "NOTICE:  waiting for another deploy or revert of skill_messages to end: "
                    f"process {pid}" in told
                )
        assert sqitch("revert", database.target, "-y").returncode == 0


def index(host: Database) -> Iterator[bool]:
    with host.connect() as connection:
        query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
        for (valid,) in connection.execute(query, ["users_skill_messages_key"]):
            yield valid


def test_an_index_that_was_half_built_is_built_anew(host: Database) -> None:
    """A lock timeout leaves it behind, invalid, and IF NOT EXISTS would take it for the key."""
    before = dump(host)
    assert sqitch("deploy", host.target, "--to", "tables/host_tables").returncode == 0
    with host.connect() as writer, writer.transaction():
        writer.execute("UPDATE users SET name = name")
        build = "CREATE UNIQUE INDEX CONCURRENTLY users_skill_messages_key ON users (tenant_id, id)"
        with (
            host.connect(DEPLOYER, options="-c lock_timeout=50ms") as connection,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            connection.execute(build)
    assert list(index(host)) == [False]
    run(host, "deploy/tables/users_key")
    assert list(index(host)) == [True]

    # A revert drops what is ours, and what is half built and so of nobody's use.
    assert sqitch("deploy", host.target, "--log-only", "--to", "tables/users_key").returncode == 0
    with host.connect() as connection:
        connection.execute(
            "UPDATE pg_index SET indisvalid = false "
            "WHERE indexrelid = 'users_skill_messages_key'::regclass"
        )
    assert sqitch("revert", host.target, "-y").returncode == 0
    assert dump(host) == before


def test_a_foreign_key_waits_its_turn_and_goes_on_where_it_stopped(
    host: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open writer: nobody queues up behind the deploy, which says what to do, and goes on."""
    monkeypatch.setenv("PGOPTIONS", "-c skill_messages.patience=1s")
    assert sqitch("deploy", host.target, "--to", "private/add_foreign_key").returncode == 0
    with host.connect() as writer, host.connect(options="-c lock_timeout=1s") as other:
        with writer.transaction():
            writer.execute("UPDATE skills SET name = name WHERE id = 's1'")
            process = psql(host, "deploy/tables/foreign_keys")
            while process.poll() is None:
                other.execute("UPDATE skills SET name = name WHERE id = 's2'")
            _, told = process.communicate()
            assert process.returncode == 3
            assert "NOTICE:  waiting until the table is free: ALTER TABLE" in told
            assert "within 00:00:01 the table was never free for" in told
            assert "it goes on where it stopped" in told
        query = "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'skill_messages%fkey'"
        assert other.execute(query).fetchone() == (3,)
    assert sqitch("deploy", host.target).returncode == 0


def test_a_foreign_key_checks_what_force_hides_from_the_owner(empty: Database) -> None:
    """Bound by its own policies the owner would find every message, or none, without its user."""
    assert sqitch("deploy", empty.target, "--to", "tables/foreign_keys").returncode == 0
    with empty.connect() as superuser:
        superuser.execute(ROWS)
        before = dump(empty)
        superuser.execute(
            "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_to_user_id_fkey"
        )
        run(empty, "deploy/tables/foreign_keys")
        assert dump(empty) == before

        superuser.execute(
            "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_to_user_id_fkey"
        )
        superuser.execute("UPDATE skill_messages SET to_user_id = 'ghost'")
        process = psql(empty, "deploy/tables/foreign_keys")
        assert "violates foreign key constraint" in process.communicate()[1]
        assert process.returncode == 3
        forced = "SELECT FROM pg_class WHERE relforcerowsecurity AND relkind = 'r'"
        assert superuser.execute(forced).rowcount == 4
