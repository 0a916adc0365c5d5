"""sql/check.sql: all is ok in a healthy database; each defect changes its line, and no other."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typing_extensions import LiteralString

from tests.conftest import Database
from tests.migration.test_sqitch import open_to_upserts
from tools.server import DEPLOYER, ROOT, Server, deploy

CHECK = ROOT / "sql" / "check.sql"

Lines = dict[str, tuple[str, str]]

TOPICS = [
    *("server", "release", "Sqitch", "row-level security", "policies", "foreign keys", "rules"),
    *("privileges", "members", "members that no policy binds", "schema public", "indexes"),
    *("notifications", "size", "statistics", "wraparound", "open transactions"),
    *("names of the host", "context"),
]


def printed(database: Database, user: str = "postgres", options: str = "") -> Lines:
    """What psql prints: state and text of each topic."""
    where = f"{database.conninfo(user)} options='{options}'"
    command = ["psql", "-X", "-d", where, "-f", str(CHECK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [
        re.fullmatch(r"(ok|WARNING|unknown) +(.*?): (.+)", line)
        for line in done.stdout.splitlines()
        if line
    ]
    assert all(lines), done.stdout
    return {line[2]: (line[1], line[3]) for line in lines if line}


def checked(connection: psycopg.Connection[Any]) -> Lines:
    """The same within a transaction of one's own."""
    own = r"^(BEGIN;|ROLLBACK;|SET LOCAL transaction_read_only.*|\\.*)$"
    cursor = connection.execute(re.sub(own, "", CHECK.read_text(), flags=re.M).encode())
    while cursor.nextset():
        pass
    lines = [(state.strip(), *line.split(": ", 1)) for state, line in cursor]
    return {topic: (state, text) for state, topic, text in lines}


def states(lines: Lines) -> dict[str, str]:
    """Whatever the server, whose age is told too."""
    return {topic: state for topic, (state, _) in lines.items() if topic != "server"}


def test_a_healthy_database_is_ok(database: Database) -> None:
    lines = printed(database)
    assert list(lines) == TOPICS
    assert set(states(lines).values()) == {"ok"}
    assert lines["Sqitch"][1] == "deployed up to monitoring/skill_messages_version"
    assert "app_login" in lines["members"][1]
    assert lines["notifications"][1] == "off"
    assert lines["server"][0] == ("WARNING" if open_to_upserts(database) else "ok")

    with database.connect(DEPLOYER) as owner:
        owner.execute("SELECT switch_skill_message_notifications(true)")
    assert printed(database)["notifications"] == ("ok", "on")


@pytest.mark.parametrize(
    ("user", "unknown"),
    [
        (DEPLOYER, {"open transactions"}),
        ("watching_login", {"Sqitch", "names of the host"}),
        (
            "stranger_login",
            {"release", "Sqitch", "size", "statistics", "open transactions", "names of the host"},
        ),
    ],
)
def test_what_a_role_cannot_see_is_unknown(
    database: Database, user: str, unknown: set[str]
) -> None:
    with database.connect() as connection:
        connection.execute("CREATE ROLE watching_login LOGIN IN ROLE pg_monitor")
        connection.execute("CREATE ROLE stranger_login LOGIN")
        try:
            lines = printed(database, user)
        finally:
            connection.execute("DROP ROLE watching_login, stranger_login")
    assert list(lines) == TOPICS
    assert states(lines) == {topic: "unknown" if topic in unknown else "ok" for topic in TOPICS[1:]}
    assert all(lines[topic][1].startswith("not told to this login: ") for topic in unknown)


def test_where_it_is_not_deployed_it_says_so(database: Database) -> None:
    lines = printed(Database(database.server, "postgres"))
    assert list(lines) == ["server", "release", "members", "schema public", "context"]
    assert lines["release"] == ("WARNING", "not deployed to the database postgres")


DEFECTS: dict[str, list[LiteralString]] = {
    "release": [
        "DROP FUNCTION skill_messages_version()",
    ],
    "Sqitch": [
        "DROP TABLE sqitch.tags",
        "UPDATE sqitch.events SET event = 'fail' WHERE committed_at = (SELECT max(committed_at)"
        " FROM sqitch.events)",
    ],
    "row-level security": [
        "ALTER TABLE skill_messages NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
    ],
    "policies": [
        "DROP POLICY app_reads_own ON skill_messages",
        "CREATE POLICY door ON skill_messages USING (true)",
        "DROP POLICY tenant_isolation ON users; CREATE POLICY tenant_isolation ON users"
        " USING (true)",
    ],
    "foreign keys": [
        "ALTER TABLE users DISABLE TRIGGER ALL",
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_to_user_id_fkey",
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_tenant_id_fkey,"
        " ADD CONSTRAINT skill_messages_tenant_id_fkey"
        " FOREIGN KEY (tenant_id) REFERENCES tenants NOT VALID",
    ],
    "rules": [
        "ALTER TABLE skill_messages DISABLE TRIGGER answered_once",
        "ALTER TABLE skill_messages ENABLE REPLICA TRIGGER content_never_changes",
        "DROP TRIGGER times_of_life ON skill_messages",
    ],
    "privileges": [
        "GRANT SELECT ON skill_messages TO PUBLIC",
        "GRANT SELECT ON skill_messages TO pg_monitor",
        "GRANT DELETE ON skill_messages TO app_login",
        "GRANT DELETE ON skill_messages TO skill_messages_service",
        "GRANT UPDATE (message) ON skill_messages TO skill_messages_service",
        "GRANT INSERT (created_at) ON skill_messages TO skill_messages_app",
        "GRANT SELECT (message) ON skill_messages TO skill_messages_retention",
        "GRANT UPDATE (status) ON skill_messages TO skill_messages_retention",
        "GRANT SELECT ON skill_messages TO skill_messages_app WITH GRANT OPTION",
        "GRANT SELECT ON skill_message_totals TO skill_messages_app",
        "GRANT SELECT ON skill_messages_private.user_names TO PUBLIC",
        "GRANT EXECUTE ON FUNCTION skill_messages_private.acts_as_app TO app_login",
        "GRANT USAGE ON SCHEMA skill_messages_private TO app_login",
        "GRANT CREATE ON SCHEMA skill_messages_private TO skill_messages_app",
    ],
    "members that no policy binds": [
        "ALTER ROLE app_login BYPASSRLS",
        "ALTER ROLE service_login SUPERUSER",
        "CREATE ROLE far SUPERUSER IN ROLE retention_login",
    ],
    "schema public": [
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO app_login",
    ],
    "indexes": [
        "UPDATE pg_index SET indisvalid = false"
        " WHERE indexrelid = 'skill_messages_unread_idx'::regclass",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_pkey'::regclass",
    ],
    "notifications": [
        "SELECT switch_skill_message_notifications(true);"
        "DROP TRIGGER notify_sent ON skill_messages",
        "SELECT switch_skill_message_notifications(true);"
        "ALTER TABLE skill_messages DISABLE TRIGGER notify_sent",
    ],
    "statistics": ["UPDATE pg_class SET reltuples = 7 WHERE oid = 'skill_messages'::regclass"],
    "wraparound": [
        "UPDATE pg_class SET relfrozenxid = '3000000000' WHERE oid = 'skill_messages'::regclass",
        "UPDATE pg_class SET relminmxid = '3000000000' WHERE oid = ("
        "SELECT reltoastrelid FROM pg_class WHERE oid = 'skill_messages'::regclass)",
    ],
    "names of the host": ["REVOKE SELECT ON users FROM skill_messages_app"],
    "context": [
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.current_tenant_id = ''acme''',"
        " current_database()); END; $$",
        "ALTER ROLE app_login SET app.current_user_id = 'ann'",
        "ALTER ROLE ALL SET app.current_tenant_id = 'acme'",
    ],
}


@pytest.mark.parametrize("topic", DEFECTS)
def test_a_defect_changes_its_line(database: Database, topic: str) -> None:
    with database.connect() as connection:
        healthy = states(checked(connection))
        for defect in DEFECTS[topic]:
            with connection.transaction(force_rollback=True):
                connection.execute(defect)
                found = checked(connection)
            assert states(found) == healthy | {topic: "WARNING"}, defect
            assert "None" not in found[topic][1]
        assert states(checked(connection)) == healthy


def test_every_operation_is_looked_at(database: Database) -> None:
    with database.connect() as connection:
        query = "SELECT skill_messages_private.operations()"
        for (operation,) in connection.execute(query).fetchall():
            with connection.transaction(force_rollback=True):
                connection.execute(f"GRANT EXECUTE ON ROUTINE {operation} TO PUBLIC".encode())
                assert checked(connection)["privileges"][0] == "WARNING", operation


def test_a_missing_role_is_named(database: Database) -> None:
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("ALTER ROLE skill_messages_app RENAME TO another")
        state, text = checked(connection)["members"]
    assert state == "WARNING"
    assert "skill_messages_app" in text


def test_another_table_of_the_name_is_no_deployment(database: Database) -> None:
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("DROP SCHEMA skill_messages_private CASCADE")
        assert checked(connection)["release"] == (
            "WARNING",
            "public.skill_messages is not of this package's making. See docs/converting.md",
        )


def test_without_sqitch_it_was_one_file(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("DROP SCHEMA sqitch CASCADE")
    assert printed(database)["Sqitch"] == ("ok", "no registry; loaded as one file")


def test_a_long_transaction_is_named(database: Database) -> None:
    patience = "-c skill_messages.long_transaction=1us"
    with database.connect("app_login", autocommit=False) as idle:
        idle.execute("SELECT txid_current()")
        state, text = printed(database, options=patience)["open transactions"]
        assert state == "WARNING"
        assert f"process {idle.info.backend_pid} of app_login since 20" in text
        assert printed(database)["open transactions"][0] == "ok"
        idle.rollback()
        assert printed(database, options=patience)["open transactions"][0] == "ok"


def test_a_prepared_transaction_is_named(names: Iterator[str]) -> None:
    with Server(postgres_args="-h 127.0.0.1 -F -c max_prepared_transactions=1") as server:
        database = Database(server, next(names))
        server.create_database(database.name)
        deploy(database.target)
        patience = "-c skill_messages.long_transaction=1us"
        with database.connect() as connection:
            connection.execute("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'the last one''s'")
            for user in ("postgres", DEPLOYER):
                state, text = printed(database, user, patience)["open transactions"]
                assert state == "WARNING"
                assert "End: ROLLBACK PREPARED 'the last one''s', since 20" in text
            assert printed(database)["open transactions"][0] == "ok"
            connection.execute("ROLLBACK PREPARED 'the last one''s'")
        assert printed(database, options=patience)["open transactions"][0] == "ok"


@pytest.mark.parametrize(
    ("version", "state"),
    [
        *((140030, "WARNING"), (150019, "WARNING"), (150020, "ok"), (160015, "WARNING")),
        *((160016, "ok"), (170011, "WARNING"), (170012, "ok"), (180006, "WARNING")),
        *((180007, "ok"), (190000, "ok")),
    ],
)
def test_an_old_server_is_named(
    database: Database, version: int, state: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As if the server were of that version: the number is all that is asked of it."""
    script = tmp_path / "check.sql"
    asked = "current_setting('server_version_num')"
    assert CHECK.read_text().count(asked) == 1
    script.write_text(CHECK.read_text().replace(asked, f"'{version}'"))
    monkeypatch.setattr("tests.schema.test_check.CHECK", script)
    assert printed(database)["server"][0] == state


def test_it_waits_for_nobody(database: Database) -> None:
    with database.connect(autocommit=False) as other:
        other.execute("LOCK TABLE skill_messages, users IN ACCESS EXCLUSIVE MODE")
        lines = printed(database)
    unknown = {topic for topic, state in states(lines).items() if state == "unknown"}
    assert unknown == {"size", "statistics"}
    assert "lock timeout" in lines["size"][1]
