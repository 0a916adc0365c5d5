"""`check`: psql's lines of sql/check.sql, and what only the package or a login can tell.

Each defect turns its line red; each kind of login is told what it may do, and what it lacks.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from typing_extensions import LiteralString

from skill_messages.cli import functions
from tests.conftest import Database
from tests.migration.test_sqitch import open_to_upserts
from tests.schema.test_check import TOPICS, Lines, printed
from tests.schema.test_monitoring import Standby
from tools.server import DEPLOYER, ROOT, sqitch

OWN = ["this login", "this connection", "changes", "functions", "host tables"]

# Roles belong to the server, so they are made for one test.
ROLES: LiteralString = """
CREATE ROLE lone_login LOGIN;
CREATE ROLE "Odd-login" LOGIN NOINHERIT;
CREATE ROLE idle_login LOGIN NOINHERIT IN ROLE skill_messages_app;
CREATE ROLE twofold_login LOGIN IN ROLE skill_messages_app, skill_messages_service;
CREATE ROLE observing_login LOGIN IN ROLE pg_monitor;
CREATE ROLE dumping_login LOGIN BYPASSRLS IN ROLE pg_read_all_data;
"""
NAMES = 'lone_login, "Odd-login", idle_login, twofold_login, observing_login, dumping_login'


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "skill_messages", "check", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def checked(database: Database, user: str = "postgres", *options: str) -> Lines:
    """State and text of each topic; the exit code says whether there is a warning."""
    done = run(*options, database.conninfo(user))
    assert done.stderr == ""
    found = [
        re.fullmatch(r"(ok|WARNING|unknown) +(.*?): (.+)", s) for s in done.stdout.splitlines()
    ]
    lines = {line[2]: (line[1], line[3]) for line in found if line}
    assert len(lines) == len(found), done.stdout
    assert done.returncode == ("WARNING" in {state for state, _ in lines.values()}), done.stdout
    return lines


@contextmanager
def roles(database: Database) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with database.connect() as connection:
        connection.execute(ROLES)
        try:
            yield connection
        finally:
            # From 16 on the deployer, who made the role, administers it.
            connection.execute(
                "GRANT skill_messages_app TO deployer WITH INHERIT FALSE, SET FALSE"
                if connection.info.server_version >= 160000
                else "REVOKE skill_messages_app FROM deployer"
            )
            connection.execute(f"DROP OWNED BY {NAMES}; DROP ROLE {NAMES}".encode())


def test_a_healthy_database_is_ok(database: Database) -> None:
    lines = checked(database)
    assert list(lines) == [*OWN[:2], *TOPICS, *OWN[2:]]
    old = {"server"} if open_to_upserts(database) else set()
    assert {topic for topic, (state, _) in lines.items() if state != "ok"} == old
    assert lines["host tables"] == ("ok", "fit")
    assert re.fullmatch(r"all \d+ of this package are deployed", lines["changes"][1])
    assert re.fullmatch(r"all \d+ as in this package, release \S+", lines["functions"][1])


@pytest.mark.parametrize("user", ["postgres", DEPLOYER, "app_login", "retention_login"])
def test_it_says_what_psql_says(database: Database, user: str) -> None:
    lines = checked(database, user)
    assert {topic: line for topic, line in lines.items() if topic not in OWN} == printed(
        database, user
    )


@pytest.mark.parametrize(
    ("user", "state", "text"),
    [
        ("app_login", "ok", "acts as skill_messages_app: it reads and writes"),
        ("service_login", "ok", "acts as skill_messages_service: it reads and writes"),
        ("retention_login", "ok", "acts as skill_messages_retention: it purges and erases, and"),
        ("observing_login", "ok", "is a member of pg_monitor: it sees totals, and no message"),
        ("dumping_login", "ok", "is a superuser or has BYPASSRLS: no policy binds it"),
        ("postgres", "ok", "is a superuser or has BYPASSRLS: no policy binds it"),
        (DEPLOYER, "WARNING", "neither reads nor writes messages. It owns the table, and polic"),
        ("lone_login", "WARNING", "neither reads nor writes messages. If it acts for signed"),
        ("Odd-login", "WARNING", "neither reads nor writes messages. If it acts for signed-in"),
        ("idle_login", "WARNING", "It is a member of skill_messages_app without its rights"),
        (
            "twofold_login",
            "WARNING",
            "REVOKE skill_messages_service FROM twofold_login, or the other",
        ),
    ],
)
def test_each_login_is_told_what_it_may(
    database: Database, user: str, state: str, text: str
) -> None:
    with roles(database) as connection:
        line = checked(database, user)["this login"]
        assert line[0] == state
        assert text in line[1]
        # What it is told to run is what helps.
        [[name]] = connection.execute("SELECT quote_ident(%s)", [user]).fetchall()
        cure = rf"(GRANT \w+ TO|REVOKE \w+ FROM|ALTER ROLE) {name}( WITH INHERIT TRUE| INHERIT)?"
        for statement in re.finditer(cure, line[1]):
            connection.execute(statement[0].encode())
        assert checked(database, user)["this login"][0] == "ok"
        assert "this login" not in checked(database, user, "--no-login")


@pytest.mark.parametrize(
    ("user", "statement", "state", "text"),
    [
        (
            "app_login",
            "REVOKE EXECUTE ON FUNCTION get_messages_for_user FROM skill_messages_app",
            "WARNING",
            "It acts as skill_messages_app, and yet: permission denied for function get_messages",
        ),
        (
            "app_login",
            "REVOKE USAGE ON SCHEMA public FROM PUBLIC",
            "WARNING",
            "GRANT USAGE ON SCHEMA public TO app_login",
        ),
        (
            "app_login",
            "REVOKE INSERT (message) ON skill_messages FROM skill_messages_app",
            "WARNING",
            "it reads, but cannot write: permission denied for table skill_messages",
        ),
        (
            "service_login",
            "REVOKE UPDATE (read_at) ON skill_messages FROM skill_messages_service",
            "WARNING",
            "it reads, but cannot write: permission denied for table skill_messages",
        ),
        (
            "retention_login",
            "REVOKE EXECUTE ON PROCEDURE purge_skill_messages FROM skill_messages_retention",
            "WARNING",
            "neither reads nor writes messages",
        ),
        (
            "app_login",
            "DROP FUNCTION get_messages_for_user",
            "unknown",
            "There are no functions to try",
        ),
        (
            "app_login",
            "CREATE OR REPLACE FUNCTION skill_messages_private.acts_as_app() RETURNS boolean"
            " LANGUAGE sql RETURN 1 / (now() - now() > interval '1s')::integer > 0",
            "WARNING",
            "it reads, but cannot write: division by zero",
        ),
    ],
)
def test_what_it_lacks_is_named(
    database: Database, user: str, statement: LiteralString, state: str, text: str
) -> None:
    with database.connect() as connection:
        connection.execute(statement)
    line = checked(database, user)["this login"]
    assert line[0] == state
    assert text in line[1]


def test_a_schema_that_it_cannot_use_hides_the_rest(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    lines = checked(database, "app_login")
    told = "not told to this login: permission denied for schema public"
    assert lines["the database"] == ("unknown", told)
    assert lines["functions"][0] == "ok"


def test_read_only_is_told_from_not_allowed(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
                sql.Identifier(database.name)
            )
        )
    state, text = checked(database, "app_login")["this login"]
    assert state == "WARNING"
    assert "See the setting default_transaction_read_only" in text


def test_a_standby_takes_no_writes(database: Database) -> None:
    with Standby(database.server) as server:
        standby = Database(server, database.name)
        told = "app_login acts as skill_messages_app: it reads; a standby takes no writes"
        assert checked(standby, "app_login")["this login"] == ("ok", told)
        assert checked(standby, "retention_login")["this login"][0] == "ok"
        assert checked(standby, "postgres")["host tables"] == ("ok", "fit")
        nothing = Database(server, "postgres")
        state, text = checked(nothing)["host tables"]
        assert state == "unknown"
        assert "read-only" in text


def test_nothing_is_written_nor_signalled(database: Database) -> None:
    with database.connect() as listening:
        listening.execute("SELECT switch_skill_message_notifications(true)")
        listening.execute("LISTEN skill_message_sent")
        for user in ("app_login", "service_login", "retention_login", DEPLOYER, "postgres"):
            checked(database, user)
        # Not even a dead row: the table has no page.
        assert listening.execute("SELECT pg_relation_size('skill_messages')").fetchone() == (0,)
        assert list(listening.notifies(timeout=0)) == []


def test_it_waits_for_nobody(database: Database) -> None:
    with database.connect(autocommit=False) as other:
        other.execute("LOCK TABLE skill_messages IN ACCESS EXCLUSIVE MODE")
        lines = checked(database, "app_login")
    assert lines["this login"][0] == "unknown"
    assert "lock timeout" in lines["this login"][1]


def test_a_tenant_that_the_connection_brings_along(database: Database) -> None:
    def line(options: str = "") -> tuple[str, str]:
        url = make_conninfo(database.conninfo("app_login"), options=options)
        found = re.search(r"(\S+) +this connection: (.+)", run(url).stdout)
        assert found
        return found[1], found[2]

    assert line() == ("ok", "brings no tenant along")
    state, text = line("-c app.current_tenant_id=acme")
    assert state == "WARNING"
    assert "brings app.current_tenant_id = acme along, by its options" in text
    with database.connect() as connection:
        connection.execute(
            sql.SQL("ALTER ROLE app_login IN DATABASE {} SET app.current_user_id = 'ann'").format(
                sql.Identifier(database.name)
            )
        )
    state, text = line()
    assert state == "WARNING"
    assert "brings app.current_user_id = ann along, by ALTER ROLE or DATABASE … SET, or" in text
    # As it says: it was replaced.
    assert checked(database, "app_login")["this login"][0] == "ok"


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (
            "DELETE FROM sqitch.dependencies; DELETE FROM sqitch.changes"
            " WHERE change = 'roles' AND project = 'skill_messages'",
            "not deployed: roles. sqitch deploy",
        ),
        (
            "UPDATE sqitch.changes SET change = 'later' WHERE change = 'rules/message_life'",
            "not deployed: rules/message_life. sqitch deploy; not in this package: later. Install"
            " the package of that release",
        ),
    ],
)
def test_the_changes_are_those_of_the_plan(
    database: Database, statement: LiteralString, text: str
) -> None:
    with database.connect(DEPLOYER) as owner:
        owner.execute(statement)
    assert checked(database, DEPLOYER)["changes"] == ("WARNING", text)


def test_every_function_is_compared(database: Database) -> None:
    """By the comparison itself: there are many of them."""
    ours = functions.packaged(ROOT)
    with database.connect() as connection:
        query = (
            "SELECT n.nspname || '.' || p.proname, pg_get_functiondef(p.oid), p.prosrc FROM pg_proc"
            " AS p INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname ="
            " 'skill_messages_private' OR n.nspname || '.' || p.proname = ANY (%s)"
        )
        deployed = connection.execute(query, [list(ours)]).fetchall()
        assert {name for name, *_ in deployed} == set(ours)
        for name, definition, source in deployed:
            with connection.transaction(force_rollback=True):
                if source:
                    altered = definition.replace(source, source + "-- as I like it\n")
                    expected = f"{name}() has another body. Run {ours[name].file} again"
                else:
                    altered = definition.replace("FUNCTION", "FUNCTION", 1).replace(
                        "\nRETURN ", "\nSTRICT\nRETURN ", 1
                    )
                    expected = f"{name}() is LANGUAGE sql, SECURITY INVOKER, STRICT; should be"
                connection.execute(altered.encode())
                state, text = functions.compare(connection, ROOT) or ("", "")
            assert state == "WARNING", name
            assert text.startswith(expected)


DIFFERENT: dict[LiteralString, str] = {
    "ALTER FUNCTION mark_message_read(text) SECURITY DEFINER": (
        "public.mark_message_read() is LANGUAGE plpgsql, SECURITY DEFINER, SET search_path ="
        " pg_catalog, pg_temp; should be LANGUAGE plpgsql, SECURITY INVOKER, SET search_path ="
    ),
    "ALTER FUNCTION mark_message_read(text) RESET search_path": (
        "public.mark_message_read() is LANGUAGE plpgsql, SECURITY INVOKER; should be"
    ),
    "ALTER FUNCTION mark_message_read(text) SET search_path = public": (
        "SET search_path = public; should be"
    ),
    "ALTER FUNCTION mark_message_read(text) IMMUTABLE": "plpgsql, IMMUTABLE, SECURITY INVOKER",
    "ALTER FUNCTION mark_message_read(text) LEAKPROOF": "LEAKPROOF",
    "ALTER FUNCTION mark_message_read(text) PARALLEL SAFE": "PARALLEL SAFE",
    "ALTER FUNCTION mark_message_read(text) OWNER TO postgres": "OWNER postgres; should be",
    "DROP FUNCTION mark_message_read(text)": (
        "public.mark_message_read() is missing. Run deploy/operations/mark_message_read.sql again"
    ),
    "CREATE FUNCTION mark_message_read(varchar) RETURNS text LANGUAGE sql RETURN 'x'": (
        "there are several public.mark_message_read(). Drop mark_message_read(message_id text) if"
    ),
    "CREATE FUNCTION skill_messages_private.ours() RETURNS text LANGUAGE sql RETURN 'x'": (
        "skill_messages_private.ours() is not of the package. Drop or rename it"
    ),
}


def test_a_function_that_differs_is_named(database: Database) -> None:
    with database.connect() as connection:
        for statement, text in DIFFERENT.items():
            with connection.transaction(force_rollback=True):
                connection.execute(statement)
                state, found = functions.compare(connection, ROOT) or ("", "")
            assert state == "WARNING", statement
            assert text in found
        connection.execute("ALTER FUNCTION send_skill_message SECURITY DEFINER")
    # Its source is open to every login.
    state, text = checked(database, "app_login")["functions"]
    assert state == "WARNING"
    assert text.startswith("public.send_skill_message() is LANGUAGE plpgsql, SECURITY DEFINER")


def test_another_release_is_not_compared(database: Database) -> None:
    with database.connect() as connection:
        definition = "SELECT pg_get_functiondef('skill_messages_version'::regproc)"
        [[text]] = connection.execute(definition).fetchall()
        connection.execute(re.sub(r"release := '.*?'", "release := '7.0.0'", text).encode())
    state, found = checked(database, "app_login")["functions"]
    assert state == "unknown"
    assert found.startswith("the database has release 7.0.0, this package ")


def test_what_does_not_fit_is_named(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE FUNCTION send_skill_message() RETURNS void LANGUAGE sql AS ''")
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    state, text = checked(database, DEPLOYER)["host tables"]
    assert state == "WARNING"
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC; The schema public has another" in text
    told = "not told to this login: permission denied for function preflight"
    assert checked(database, "app_login")["host tables"] == ("unknown", told)


def test_before_a_deploy_it_says_what_is_in_the_way(host: Database) -> None:
    lines = checked(host, DEPLOYER)
    assert lines["this login"] == ("unknown", f"{DEPLOYER}. There are no functions to try")
    assert lines["release"] == ("WARNING", f"not deployed to the database {host.name}")
    fit = "fit; nothing is in the way of a deploy by this login"
    assert lines["host tables"] == ("ok", fit)
    assert "functions" not in lines
    assert "changes" not in lines

    with host.connect() as connection:
        connection.execute("CREATE ROLE lone_login LOGIN")
        try:
            state, text = checked(host, "lone_login")["host tables"]
        finally:
            connection.execute("DROP ROLE lone_login")
        assert state == "unknown"
        assert f"GRANT CREATE ON DATABASE {host.name} TO lone_login" in text

        connection.execute("ALTER TABLE users ALTER tenant_id DROP NOT NULL")
        needs = 'public.users needs the column "tenant_id text NOT NULL".'
        assert checked(host, DEPLOYER)["host tables"] == ("WARNING", needs)
        # It was only tried.
        query = "SELECT to_regnamespace('skill_messages_private'), to_regrole('skill_messages_app')"
        assert connection.execute(query).fetchone() == (None, None)
        connection.execute("ALTER TABLE users ALTER tenant_id SET NOT NULL")


def test_a_hand_written_table_is_led_to_its_conversion(host: Database) -> None:
    with host.connect(DEPLOYER) as owner:
        owner.execute((ROOT / "tests/hosts/hand_written.sql").read_bytes())
    lines = checked(host, DEPLOYER)
    assert lines["release"][0] == lines["host tables"][0] == "WARNING"
    assert lines["release"][1].endswith("See docs/converting.md")
    assert "sql/convert.sql converts it in place" in lines["host tables"][1]
    with host.connect(DEPLOYER) as owner:
        owner.execute("DROP TABLE skill_messages")


def test_what_is_deployed_in_part(empty: Database) -> None:
    assert sqitch("deploy", empty.target, "--to", "operations/get_messages").returncode == 0
    lines = checked(empty, DEPLOYER)
    assert lines["release"] == ("WARNING", "deployed in part. Go on with sqitch deploy")
    assert re.fullmatch(
        r"not deployed: monitoring/get_message_stats, \S+, \S+ and \d+ more\. sqitch deploy",
        lines["changes"][1],
    )
    assert lines["functions"][0] == "WARNING"
    assert re.search(
        r"\w\(\) is missing\. Run deploy/\S+ again; and \d+ more", lines["functions"][1]
    )
    assert lines["host tables"] == ("ok", "fit")


def test_it_works_through_a_pooler(database: Database, pgbouncer: int) -> None:
    url = f"postgresql://app_login@127.0.0.1:{pgbouncer}/{database.name}"
    done = run(url)
    assert "app_login acts as skill_messages_app: it reads and writes" in done.stdout
    assert done.stderr == ""


def test_without_a_url_the_environment_counts(database: Database) -> None:
    port = str(database.server.settings["port"])
    where = {"PGHOST": "127.0.0.1", "PGPORT": port, "PGDATABASE": database.name}
    assert "app_login acts as" in run(**where, PGUSER="app_login").stdout


@pytest.mark.parametrize(
    ("url", "code", "text"),
    [
        ("dbname=nowhere", 1, 'database "nowhere" does not exist'),
        ("user=nobody_known", 1, 'role "nobody_known" does not exist'),
        ("port=1", 1, "Connection refused"),
        ("postgresql//typo", 2, "Invalid value for URL: missing"),
        ("nonsense=1", 2, "Invalid value for URL: invalid connection option"),
    ],
)
def test_no_connection_is_one_line(database: Database, url: str, code: int, text: str) -> None:
    whole = f"{database.conninfo('app_login')} {url}" if "=" in url else url
    done = run(whole)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
    assert done.stderr.count("\n") == 1


def test_who_may_not_connect_is_told_the_grant(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(
                sql.Identifier(database.name)
            )
        )
    done = run(database.conninfo("app_login"))
    assert done.returncode == 1
    assert done.stderr.endswith(f" GRANT CONNECT ON DATABASE {database.name} TO app_login\n")
