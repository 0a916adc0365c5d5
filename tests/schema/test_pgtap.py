"""The pgTAP files, as the CI of a host runs them: plain pg_prove, on any kind of database.

`make test` runs them on an empty database, a file an item, and on a host by the lines of
examples/ci.yml; `make test-hosts` on the other kinds.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import PGTAP_FILES, Database, dump
from tools.server import DEPLOYER, ROOT, Server, deploy, pg_prove

PGTAP = ROOT / "tests/pgtap"
HOSTS = ROOT / "tests/hosts"
FILES = sorted(PGTAP.glob("*/*.sql"))

# Why tests are skipped.
OLD_SERVER = "this server is open to CVE-2026-120154"
SUPERUSER = "the owner is a superuser, whom nothing binds"
ADOPTED = r"(tenants|users|skills) is a table of the host's own"
GLOBAL_IDS = "the host's ids are unique across tenants"
STRANGERS = r"the schema public has \d+ tables and functions of others: .*"
UNGRANTED = "the host has yet to run: GRANT SELECT .*"

ROLES = """
    SELECT r.oid, r.rolname, ARRAY(
        SELECT to_jsonb(m) FROM pg_auth_members AS m WHERE m.roleid = r.oid ORDER BY 1
    )
    FROM pg_roles AS r ORDER BY r.oid
"""


@dataclass(frozen=True)
class Kind:
    """A kind of database.

    Args:
        reasons: Why tests are skipped there.
        pgtap: The schema that pgTAP is in.
        deployer: Who deploys.
        host: What is there before: a file in tests/hosts.
        later: What happens after the deployment: another one.
        options: Further options of pg_prove.
        undo: What to say in the end, as the deployer, about roles of the cluster.
    """

    reasons: tuple[str, ...]
    pgtap: str
    deployer: str = DEPLOYER
    host: str | None = None
    later: str | None = None
    options: tuple[str, ...] = ()
    undo: str = ""


KINDS = {
    "superuser": Kind((SUPERUSER,), "extensions", deployer="postgres"),
    "live": Kind((ADOPTED, GLOBAL_IDS, STRANGERS, UNGRANTED), "tap", host="live"),
    "columns": Kind((ADOPTED, STRANGERS, UNGRANTED), "extensions", host="columns"),
    "checks": Kind(
        (
            *(ADOPTED, GLOBAL_IDS, STRANGERS, UNGRANTED),
            "the host has no users with ids of such a length",
        ),
        "public",
        host="checks",
        later="checks_messages",
        options=("--set", f"host_rows={HOSTS / 'checks_rows.sql'}"),
    ),
    "filled": Kind(
        ("the host has granted users to pg_signal_backend",), "extensions", later="filled"
    ),
    "settled": Kind(
        (
            *(ADOPTED, GLOBAL_IDS, STRANGERS),
            "users is a table of the host's own, and it has replaced the view of its names",
            "the policies of the host hide names from .*",
            "the host has switched them: notify_decided on, notify_sent on",
            "the database or the role has a context as its default",
        ),
        "public",
        host="live",
        later="settled",
        undo=f"REVOKE skill_messages_service FROM {DEPLOYER}",
    ),
    "grown": Kind(
        (
            STRANGERS,
            "the host has added to users: email",
            "the host has granted skills to everybody, pg_monitor",
        ),
        "tap",
        later="grown",
    ),
}


def install_pgtap(database: Database, schema: str) -> None:
    """As an extension, or from its file where the server does not have it."""
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        connection.execute("SELECT set_config('search_path', %s, false)", [schema])
        if connection.execute("SELECT FROM pg_available_extensions WHERE name = 'pgtap'").rowcount:
            connection.execute("CREATE EXTENSION pgtap")
        else:
            connection.execute(max(Path("/").glob(PGTAP_FILES)).read_bytes())


@contextmanager
def database_of(server: Server, name: str) -> Iterator[Database]:
    kind = KINDS[name]
    database = Database(server, f"kind_{name}")
    server.create_database(database.name)
    try:
        if kind.host:
            with database.connect(kind.deployer) as connection:
                connection.execute((HOSTS / f"{kind.host}.sql").read_bytes())
        deploy(server.target(database.name, kind.deployer))
        install_pgtap(database, kind.pgtap)
        if kind.later:
            with database.connect() as connection:
                connection.execute((HOSTS / f"{kind.later}.sql").read_bytes())
        yield database
    finally:
        server.drop_database(database.name)
        with psycopg.connect(server.conninfo(user=DEPLOYER), autocommit=True) as connection:
            connection.execute(kind.undo.encode())


def snapshot(database: Database) -> Any:
    """Schema, rows and sequences of the database, and the roles of the cluster."""
    return dump(database), roles(database)


def roles(database: Database) -> list[Any]:
    with database.connect() as connection:
        return connection.execute(ROLES).fetchall()


def expect(report: subprocess.CompletedProcess[str], *reasons: str) -> None:
    """It passes, and tests are skipped for each of these reasons and for no other."""
    said = report.stdout.splitlines()
    assert report.returncode == 0, "\n".join(
        [line for line in said if not re.match(r"ok \d|\d+\.\.|$", line)] + [report.stderr]
    )
    skipped = {line.split(" # SKIP ")[1] for line in said if re.match(r"ok \d+ # SKIP ", line)}
    skipped -= {OLD_SERVER}
    assert [why for why in skipped if not any(re.fullmatch(r, why) for r in reasons)] == []
    assert [r for r in reasons if not any(re.fullmatch(r, why) for why in skipped)] == []


@pytest.fixture(scope="session")
def empty_database(server: Server, template: str) -> Iterator[Database]:
    """One for all files: each leaves it as it was."""
    database = Database(server, "pgtap")
    server.create_database(database.name, template)
    before = dump(database)
    yield database
    assert dump(database) == before
    server.drop_database(database.name)


@pytest.mark.parametrize("file", FILES, ids=[f"{file.parent.name}/{file.stem}" for file in FILES])
def test_pgtap(empty_database: Database, file: Path) -> None:
    before = roles(empty_database)
    expect(pg_prove(empty_database.server, empty_database.name, file))
    assert roles(empty_database) == before


@pytest.mark.skipif("HOSTS" not in os.environ, reason="make test-hosts")
@pytest.mark.usefixtures("template")
@pytest.mark.parametrize("name", KINDS)
def test_kind_of_database(server: Server, name: str) -> None:
    with database_of(server, name) as database:
        before = snapshot(database)
        report = pg_prove(server, database.name, *KINDS[name].options, PGTAP)
        print(report.stdout)
        expect(report, *KINDS[name].reasons)
        assert snapshot(database) == before


@pytest.mark.usefixtures("template")
def test_workflow(server: Server, tmp_path: Path) -> None:
    """Its lines as they are, from the host's migrations on; pgTAP may be no extension here."""
    lines = (ROOT / "examples/ci.yml").read_text().split("    steps:\n")[1].splitlines()
    assert len(lines) <= 10
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/skill-messages").symlink_to(ROOT)
    (tmp_path / "schema.sql").symlink_to(HOSTS / "live.sql")
    environment = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.settings["port"]),
        "PGUSER": "postgres",
        "SQITCH_SYSTEM_CONFIG": os.devnull,
        "SQITCH_USER_CONFIG": os.devnull,
        "HARNESS_VERBOSE": "1",
    }

    def run(program: str) -> subprocess.CompletedProcess[str]:
        step = re.compile(rf"      - run: ((?:\w+='[^']*' )?{program} .*)")
        [command] = [found[1] for line in lines if (found := step.fullmatch(line))]
        return subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    database = Database(server, "app")
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE ROLE app_owner LOGIN CREATEROLE")
        connection.execute("CREATE DATABASE app OWNER app_owner")
    for program in ("psql .*-f", "sqitch"):
        done = run(program)
        assert done.returncode == 0, done.stdout + done.stderr
    install_pgtap(database, "public")
    before = snapshot(database)
    expect(run("pg_prove"), ADOPTED, GLOBAL_IDS, STRANGERS, UNGRANTED)
    assert snapshot(database) == before
    server.drop_database(database.name)
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("DROP ROLE app_owner")


def file_that(folder: Path, statement: str) -> Path:
    """A file that starts as all do, and then says something else than ROLLBACK."""
    file = folder / "other.sql"
    file.write_text(f"BEGIN;\n\\ir {PGTAP}/include/fixture.psql\nSELECT plan(1);\n{statement};\n")
    return file


@pytest.mark.usefixtures("template")
def test_what_does_not_end_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    """A file that fails half-way, and one that is interrupted, where there are sequences."""
    with database_of(server, "columns") as database, database.connect() as connection:
        before = snapshot(database)

        report = pg_prove(
            server, database.name, file_that(tmp_path, "DELETE FROM fixture_messages; SELECT 1 / 0")
        )
        assert report.returncode != 0
        assert "division by zero" in report.stderr
        assert snapshot(database) == before

        command = ["pg_prove", "-h", "127.0.0.1", "-p", str(server.settings["port"])]
        command += ["-U", "postgres", "-d", database.name]
        with subprocess.Popen(
            [*command, str(file_that(tmp_path, "SELECT pg_sleep(60)"))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as proving:
            wait_for(connection, 1, "wait_event = 'PgSleep'")
            os.killpg(proving.pid, signal.SIGINT)
            assert proving.wait(20) != 0
        wait_for(connection, 0, "true")
        assert snapshot(database) == before


def wait_for(connection: psycopg.Connection[Any], number: int, condition: str) -> None:
    """Until so many other sessions in this database are so."""
    query = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() "
        f"AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND {condition}"
    )
    for _ in range(100):
        if connection.execute(query.encode()).rowcount == number:
            return
        time.sleep(0.1)
    pytest.fail(f"not {number} within 10 seconds: {query}")


def test_what_is_missing_is_said(server: Server, deployed: Database) -> None:
    """Where the files cannot run at all, the error says why, and what to do."""

    def complaint(dbname: str, *options: str) -> str:
        report = pg_prove(server, dbname, *options, PGTAP / "operations/sent.sql")
        assert report.returncode != 0
        assert "Tests=0" in report.stdout
        return report.stderr

    assert "not deployed to the database postgres" in complaint("postgres")
    assert "need a superuser, which deployer is not" in complaint(deployed.name, "-U", DEPLOYER)

    with deployed.connect() as connection:
        connection.execute("DROP SCHEMA tap CASCADE")
    stderr = complaint(deployed.name)
    assert "there is no pgTAP in the database" in stderr
    assert "CREATE EXTENSION pgtap" in stderr

    with database_of(server, "checks") as database:
        stderr = complaint(database.name)
        assert "cannot make a row of the table tenants, column country: new row" in stderr
        assert '"tenants_country_check"' in stderr
        assert "pg_prove --set host_rows=FILE" in stderr
