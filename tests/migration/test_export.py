"""sql/export.sql and sql/import.sql: everything out and back in, to equality, by real psql."""

import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from tests.conftest import HOST, Database
from tools.server import DEPLOYER, ROOT, Server, deploy

EXPORT, IMPORT = ROOT / "sql/export.sql", ROOT / "sql/import.sql"
TABLES = ("tenants", "users", "skills", "skill_messages")
COLUMNS = (
    *("id", "tenant_id", "from_user_id", "to_user_id", "subject_skill_id"),
    *("proposed_parent_skill_id", "message", "status", "created_at", "read_at", "answered_at"),
)
BLOCK = re.compile(r"^```console (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

TEXTS = [
    "Hello",
    "[erased]",
    *("\\", "\\.", "\\n", 'say "yes"', "'", '\\"', "{}", "null", "\\u0041", "\x7f!"),
    "line\nline\r\nline\ttab\u2028separator\u2029\x85next",
    "".join(map(chr, range(1, 32))) + "!",
    "\U0001f600 e\u0301 \u05e9\u05dc\u05d5\u05dd \ufeff!",
    "\U0001f600" * 10_000,
]
# Whatever the database prefers.
READABLE = {
    "client_encoding": "utf8",
    "options": "-c datestyle=ISO -c timezone=UTC -c intervalstyle=postgres -c extra_float_digits=1",
}
LONG_ID = "\u00e9" * 127 + "\\"
SENT = datetime(2026, 1, 31, 23, 59, 59, 999_000, timezone.utc)


def psql(
    database: Database, script: Path, *options: str, user: str = DEPLOYER, **arguments: Any
) -> subprocess.CompletedProcess[bytes]:
    command = ["psql", "-XAt", *options, "-f", str(script), database.conninfo(user)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120, **arguments)


def exported(database: Database, user: str = DEPLOYER) -> bytes:
    done = psql(database, EXPORT, "-q", user=user)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines_of(export: bytes) -> list[Any]:
    """Each line, without the last, which counts them."""
    *lines, end = [json.loads(line) for line in export.split(b"\n")[:-1]]
    assert end == {"end_of_export": len(lines)}
    return lines


def file_of(lines: list[Any]) -> bytes:
    """A file to import: objects, and bytes that are lines as they stand."""
    lines = [*lines, {"end_of_export": len(lines)}]
    return b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )


def imported(database: Database, file: bytes, *options: str) -> dict[str, tuple[int, ...]]:
    """For each table how many rows were added, already there, refused, left to the host."""
    done = psql(database, IMPORT, *options, input=file)
    assert done.returncode == 0, done.stderr
    report = [line.split("|") for line in done.stdout.decode().splitlines()]
    return {line[0]: tuple(map(int, line[1:])) for line in report if len(line) == 5}


def rows(database: Database) -> dict[str, list[Any]]:
    """All rows of all four tables, in one order."""
    with database.connect(**READABLE) as superuser:
        return {
            table: superuser.execute(
                sql.SQL("SELECT * FROM {} AS t ORDER BY to_jsonb(t)").format(sql.Identifier(table))
            ).fetchall()
            for table in TABLES
        }


def guards(database: Database) -> list[Any]:
    """Row-level security and triggers, on or off."""
    with database.connect() as superuser:
        return superuser.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity, ARRAY("
            "SELECT (tgname, tgenabled)::text FROM pg_trigger WHERE tgrelid = c.oid"
            " AND NOT tgisinternal ORDER BY tgname), ARRAY("
            "SELECT tgenabled::text FROM pg_trigger WHERE tgrelid = c.oid AND tgisinternal)"
            " FROM pg_class AS c WHERE relname = ANY (%s) ORDER BY relname",
            [list(TABLES)],
        ).fetchall()


def message(number: int = 0, **values: Any) -> dict[str, Any]:
    """A pending message of acme, changed as said."""
    ordinary = (f"m{number}", "acme", "ann", "bob", "sql", "postgres", "Hello", "pending", SENT)
    return dict(zip(COLUMNS, (*ordinary, None, None), strict=True)) | values


def store(database: Database, messages: list[dict[str, Any]]) -> None:
    """As a superuser, past the rules of a message's life."""
    with database.connect() as superuser:
        superuser.execute("SET session_replication_role = replica")
        with (
            superuser.cursor() as cursor,
            cursor.copy(
                sql.SQL("COPY skill_messages ({}) FROM STDIN").format(
                    sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
                )
            ) as copy,
        ):
            for row in messages:
                copy.write_row([row[column] for column in COLUMNS])


@pytest.fixture
def source(database: Database) -> Database:
    """Messages of every kind, in two tenants."""
    with database.connect() as superuser:
        superuser.execute("INSERT INTO users VALUES (%s, 'acme', %s)", [LONG_ID, TEXTS[12]])
        superuser.execute("INSERT INTO skills VALUES ('sql', 'globex', %s)", [TEXTS[2]])
    kinds = itertools.product(
        ("pending", "accepted", "declined"),
        (None, SENT, SENT + timedelta(milliseconds=1)),
        (None, SENT + timedelta(days=1)),
        (None, "postgres"),
    )
    messages = [
        message(
            number, status=status, read_at=read, answered_at=answered, proposed_parent_skill_id=to
        )
        for number, (status, read, answered, to) in enumerate(kinds)
        if not (status == "pending" and answered)
    ]
    messages += [message(id=f"text {n}", message=text) for n, text in enumerate(TEXTS)]
    messages += [message(id=LONG_ID, from_user_id=LONG_ID), message(id="\x01\x02\r\n\t\\")]
    elsewhere = {"tenant_id": "globex", "from_user_id": "gus", "to_user_id": "ida"}
    messages.append(message(0, **elsewhere, proposed_parent_skill_id=None, status="accepted"))
    first = datetime(1970, 1, 1, tzinfo=timezone.utc)
    last = datetime(9999, 12, 31, 23, 59, 59, 999_000, timezone.utc)
    messages.append(message(id="times", created_at=first, read_at=last))
    store(database, messages)
    return database


@pytest.fixture
def target(server: Server, template: str, names: Iterator[str]) -> Iterator[Database]:
    """A fresh deployment with other settings than the source."""
    target = Database(server, next(names))
    server.create_database(target.name, template)
    with target.connect() as superuser:
        for setting in ("timezone = 'Asia/Kathmandu'", "datestyle = 'German, DMY'"):
            superuser.execute(f"ALTER DATABASE {target.name} SET {setting}".encode())
    yield target
    server.drop_database(target.name)


@pytest.fixture
def full(database: Database) -> Database:
    """More than fits into the buffers between server and client: 20,000 messages of 1,000."""
    store(database, [message(number, message="\u00e9" * 1000) for number in range(20_000)])
    return database


def test_round_trip(source: Database, target: Database) -> None:
    before, walls, guarded = rows(source), guards(source), guards(target)
    export = exported(source)
    assert rows(source) == before
    assert guards(source) == walls
    tables = [line["table"] for line in lines_of(export)]
    assert tables == sorted(tables, key=TABLES.index)

    added = {table: (len(before[table]), 0, 0, 0) for table in TABLES}
    assert imported(target, export) == added
    assert rows(target) == before
    assert guards(target) == guarded

    again = {table: (0, len(before[table]), 0, 0) for table in TABLES}
    assert imported(target, export) == again
    assert rows(target) == before
    assert sorted(exported(target).splitlines()) == sorted(export.splitlines())


def test_settings_of_client_and_database_change_nothing(
    source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do functions that somebody planted in a schema that comes first."""
    export = exported(source)
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGTZ", "America/Caracas")
    for database in (source, target):
        with database.connect() as superuser:
            superuser.execute("CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO public")
            for function in (
                *("obj_description(oid, text)", "to_regclass(text)", "row_security_active(oid)"),
                *("row_to_json(users)", "row_to_json(skill_messages)", "jsonb_typeof(jsonb)"),
            ):
                superuser.execute(
                    f"CREATE FUNCTION evil.{function} RETURNS text LANGUAGE plpgsql AS "
                    "$$BEGIN RAISE 'planted'; END$$".encode()
                )
            path = f"ALTER DATABASE {database.name} SET search_path = evil, pg_catalog, public"
            superuser.execute(path.encode())
    assert exported(source) == export
    imported(target, export)
    assert rows(target) == rows(source)


def test_columns_that_somebody_added(source: Database, target: Database) -> None:
    """To tables of the package's making: they are exported and imported too, without loss."""
    for database in (source, target):
        with database.connect(DEPLOYER) as owner:
            owner.execute(
                "ALTER TABLE users ADD facts json, ADD size double precision, ADD age interval,"
                " ADD photo bytea, ADD number bigint GENERATED ALWAYS AS IDENTITY,"
                " ADD shout text GENERATED ALWAYS AS (upper(name)) STORED, ADD tags text[],"
                " ADD booked daterange"
            )
    with source.connect() as superuser:
        for setting in (
            *("datestyle = 'German'", "intervalstyle = 'sql_standard'"),
            *("extra_float_digits = 0", "bytea_output = 'escape'"),
        ):
            superuser.execute(f"ALTER DATABASE {source.name} SET {setting}".encode())
        superuser.execute(f"ALTER DATABASE {target.name} RESET ALL".encode())
        superuser.execute(
            "UPDATE users SET booked = '[2026-02-01,2026-03-04)', facts = E'{\n\"a\":\r\n1}',"
            " size = 0.1::float8 + 0.2, age = '-2 days -03:04:05.678', photo = '\\x00ff',"
            " tags = ARRAY['a', '\\ \"']"
        )
    export = exported(source)
    assert len(lines_of(export)) == sum(map(len, rows(source).values()))
    imported(target, export)
    with source.connect(**READABLE) as before, target.connect(**READABLE) as after:
        query = "SELECT id, size, age, photo, number, shout, tags, booked, facts::jsonb FROM users"
        assert after.execute(query).fetchall() == before.execute(query).fetchall()
    assert imported(target, export)["users"] == (0, len(rows(source)["users"]), 0, 0)


def test_no_notification_is_sent(source: Database, target: Database) -> None:
    with target.connect(DEPLOYER) as owner:
        owner.execute("SELECT switch_skill_message_notifications(true)")
    guarded = guards(target)
    with target.connect() as listener:
        listener.execute("LISTEN skill_message_sent")
        imported(target, exported(source))
        listener.execute("NOTIFY skill_message_sent, 'the last one'")
        notified = next(listener.notifies(timeout=10))
        assert notified.payload == "the last one"
    assert guards(target) == guarded


@pytest.fixture
def backup(source: Database) -> Iterator[str]:
    """A role that bypasses row-level security and owns nothing."""
    with source.connect() as superuser:
        superuser.execute("CREATE ROLE app_backup LOGIN BYPASSRLS IN ROLE pg_read_all_data")
        yield "app_backup"
        superuser.execute("DROP ROLE app_backup")


def test_locks(source: Database, target: Database, backup: str) -> None:
    """A role that bypasses row-level security waits for nobody; the owner gives up in time."""
    export = exported(source)
    with source.connect(autocommit=False) as writer, target.connect(autocommit=False) as reader:
        writer.execute("DELETE FROM skill_messages WHERE id = 'm1'")
        reader.execute("SELECT FROM skill_messages")
        assert exported(source, backup) == export
        with ThreadPoolExecutor() as pool:
            tries = [
                pool.submit(psql, source, EXPORT),
                pool.submit(psql, target, IMPORT, input=export),
            ]
        for done in (each.result() for each in tries):
            assert done.returncode == 3
            assert b"lock timeout" in done.stderr
            assert done.stdout == b""
        writer.rollback()
        reader.rollback()
    assert rows(target)["skill_messages"] == []


@pytest.mark.parametrize("user", ["service_login", "app_login", "retention_login"])
def test_who_may_not(source: Database, user: str) -> None:
    before = rows(source)
    for script, reason in ((EXPORT, b"hides rows of"), (IMPORT, b"does not own")):
        done = psql(source, script, user=user, input=file_of([]))
        assert done.returncode == 3
        assert reason in done.stderr
        assert b"HINT" in done.stderr
        assert done.stdout == b""
    assert rows(source) == before


def test_a_database_without_the_package(database: Database) -> None:
    elsewhere = Database(database.server, "template1")
    for script in (EXPORT, IMPORT):
        done = psql(elsewhere, script, input=file_of([]))
        assert done.returncode == 3
        assert b"has no table public.skill_messages" in done.stderr


def test_a_full_disk_is_an_error(source: Database) -> None:
    command = ["psql", "-XqAt", "-f", str(EXPORT), source.conninfo(DEPLOYER)]
    with Path("/dev/full").open("wb") as disk:
        done = subprocess.run(command, stdout=disk, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert b"No space left" in done.stderr


def user(**values: Any) -> dict[str, Any]:
    return {"table": "users", "row": {"id": "new", "tenant_id": "acme", "name": "New"} | values}


def sent(**values: Any) -> dict[str, Any]:
    row = {name: str(value) if name == "created_at" else value for name, value in message().items()}
    return {"table": "skill_messages", "row": row | values}


REFUSED: list[tuple[Any, str, str]] = [
    (b"not json", "22P02", 'Token "not" is invalid'),
    (b'{"table": "users", "row": {"id": "new"', "22P02", "invalid input syntax for type json"),
    (b'{"end_of_export": 1}', "22023", "not of the form"),
    (b"[1]", "22023", "not of the form"),
    ({"table": "users"}, "22023", "not of the form"),
    ({"table": "users", "row": [1]}, "22023", "not of the form"),
    ({"table": "users", "row": 5}, "22023", "not of the form"),
    ({"table": "pg_class", "row": {}}, "42P01", "unknown table pg_class"),
    (user(email="x"), "42703", "unknown column email"),
    ({"table": "users", "row": {"id": "new"}}, "42703", "missing column name, tenant_id"),
    (user(name=5), "22023", "not a string: name"),
    (user(name={"a": 1}), "22023", "not a string: name"),
    (user(id="nameless", name=None), "23502", 'null value in column "name"'),
    (user(id="ann"), "23505", "the id is taken by a row that differs in name"),
    (user(id=""), "23514", "users_id_check"),
    (user(tenant_id="ghost"), "23503", "(tenant_id)=(ghost) is not present"),
    (user(id="\x00"), "22P05", "\\u0000 cannot be converted to text"),
    (
        sent(tenant_id="globex"),
        "23503",
        "from_user_id: Key (tenant_id, from_user_id)=(globex, ann)",
    ),
    (sent(to_user_id="gus"), "23503", "to_user_id: Key (tenant_id, to_user_id)=(acme, gus)"),
    (sent(subject_skill_id="welding"), "23503", "subject_skill_id: Key"),
    (sent(proposed_parent_skill_id="welding"), "23503", "proposed_parent_skill_id: Key"),
    (sent(message=" "), "23514", "message: Write at least one visible character"),
    (sent(message="x" * 10_001), "23514", "message: Write at least one visible character"),
    (sent(status="archived"), "23514", "status: A status is pending, accepted or declined"),
    (sent(id="x" * 256), "23514", "id: Leave the id out, or give one of 1 to 255 bytes."),
    (sent(id=None), "23502", 'null value in column "id"'),
    (sent(created_at="yesteryear" * 99), "22007", "invalid input syntax for type timestamp"),
    (sent(created_at="1969-12-31"), "23514", "created_at: Give a time from 1970 on"),
    (sent(created_at="infinity"), "23514", "created_at: "),
    (sent(created_at="2026-01-01 00:00:00.0005Z"), "22008", "not in whole milliseconds"),
    (sent(read_at="2026-01-01"), "23514", "read_at: Give the time of the first reading"),
    (sent(answered_at="2027-01-01"), "23514", "answered_at: Not before created_at, and null"),
    (sent(status="accepted", answered_at="2026-01-01"), "23514", "answered_at: Not before"),
]


def test_refused_lines(database: Database, tmp_path: Path) -> None:
    """Each with its position and reason; with a file for them, the others are imported."""
    good = [sent(id="\u00e9"), user(), user(), sent(id="n2", from_user_id="new")]
    other = [user(name="Other"), sent(id="n2")]
    bad = [line for line, _, _ in REFUSED]
    # An empty line is no line of the export, but counts as one of the file.
    file = file_of([*good[:2], *bad, *good[2:], *other]).replace(b"\nnot json", b"\n\nnot json")
    expected = [(4 + n, code, why) for n, (_, code, why) in enumerate(REFUSED)]
    expected += [
        (6 + len(bad), "23505", "differs in name"),
        (7 + len(bad), "SM004", "the id is taken by a row that differs in from_user_id"),
    ]
    before, guarded = rows(database), guards(database)

    def check_listing(listing: str) -> None:
        listed = [line.split("|") for line in listing.splitlines() if line.count("|") == 5]
        assert [(int(line[0]), line[4]) for line in listed] == [(n, c) for n, c, _ in expected]
        for line, (_, _, why) in zip(listed, expected, strict=True):
            assert why in line[5]
            assert len(line[5]) <= 300

    stopped = psql(database, IMPORT, input=file)
    assert stopped.returncode == 3
    check_listing(stopped.stdout.decode())
    assert f"lines refused: {len(expected)}; nothing was imported" in stopped.stderr.decode()
    assert rows(database) == before
    assert guards(database) == guarded

    refused = tmp_path / "refused lines.jsonl"
    went_on = psql(database, IMPORT, "-v", f"refused={refused}", input=file)
    assert went_on.returncode == 0, went_on.stderr
    check_listing(went_on.stdout.decode())
    assert "users|1|1|" in went_on.stdout.decode()
    assert guards(database) == guarded
    assert refused.read_bytes().split(b"\n")[:-2] == file_of([*bad, *other]).split(b"\n")[:-2]
    assert [row[0] for row in rows(database)["skill_messages"]] == ["n2", "\u00e9"]

    again = psql(database, IMPORT, input=refused.read_bytes())
    assert f"lines refused: {len(expected)}; nothing was imported" in again.stderr.decode()
    mended = refused.read_bytes().replace(b"archived", b"declined").split(b"\n")
    file = file_of([line for line in mended if b'"declined"' in line])
    assert imported(database, file)["skill_messages"] == (1, 0, 0, 0)

    unwritable = psql(database, IMPORT, "-v", "refused=/nowhere/x", input=file_of([user(id="x")]))
    assert unwritable.returncode == 3
    assert "x" not in {row[0] for row in rows(database)["users"]}


def cut(export: bytes) -> list[bytes]:
    lines = export.splitlines(keepends=True)
    return [
        b"",
        b"".join(lines[:-1]),
        b"".join(lines[:-2]) + lines[-1],
        b"".join(lines)[:-3],
        export[: export.index(b"text 7")],
        export + lines[0],
    ]


def test_a_file_that_is_not_complete(source: Database, target: Database, tmp_path: Path) -> None:
    for file in cut(exported(source)):
        for options in ((), ("-v", f"refused={tmp_path / 'refused.jsonl'}")):
            done = psql(target, IMPORT, *options, input=file)
            assert done.returncode == 3
            assert b"the file is not complete" in done.stderr
    # Bytes that are no text at all: psql names the line.
    done = psql(target, IMPORT, input=b'{"table": "users"}\n\xff\n')
    assert done.returncode == 3
    assert b"COPY lines, line 2" in done.stderr
    assert set(map(len, rows(target).values())) == {0}


@pytest.mark.parametrize(("code", "is_the_lines_fault"), [("P0001", True), ("55000", False)])
def test_triggers_of_the_host_fire(database: Database, code: str, is_the_lines_fault: bool) -> None:
    """What they raise refuses the line; what is no fault of a line stops the import as such."""
    with database.connect(DEPLOYER) as owner:
        owner.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$BEGIN RAISE 'not today' USING ERRCODE = '{code}'; END$$;"
            "CREATE TRIGGER refuse BEFORE INSERT ON skill_messages FOR EACH ROW"
            " EXECUTE FUNCTION refuse()".encode()
        )
    done = psql(database, IMPORT, input=file_of([sent(), sent(id="m2")]))
    assert done.returncode == 3
    assert (b"lines refused: 2" in done.stderr) == is_the_lines_fault
    assert b"not today" in (done.stdout if is_the_lines_fault else done.stderr)


def test_a_deferred_constraint_refuses_lines_too(database: Database) -> None:
    with database.connect(DEPLOYER) as owner:
        owner.execute("ALTER TABLE users ADD UNIQUE (name) DEFERRABLE INITIALLY DEFERRED")
    done = psql(database, IMPORT, input=file_of([user(id="n1"), user(id="n2")]))
    assert done.stdout.startswith(b"2|users|acme|n2|23505|Key (name)=(New) already exists.")


def test_many_messages(database: Database, target: Database) -> None:
    """20,000, with one line in the middle that is refused: only that one is."""
    store(database, [message(number) for number in range(20_000)])
    lines = lines_of(exported(database))
    assert len(lines) == 20_010
    lines[10_000]["row"]["message"] = ""
    done = psql(target, IMPORT, input=file_of(lines))
    assert b"lines refused: 1;" in done.stderr
    assert done.stdout.decode().startswith("10001|skill_messages|acme|")
    lines[10_000]["row"]["message"] = "Hello"
    assert imported(target, file_of(lines))["skill_messages"] == (20_000, 0, 0, 0)
    assert rows(target) == rows(database)


def wait_until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return result


def waiting_backend(database: Database, wait_event_type: str) -> int:
    """The backend of psql, once it waits in the middle of its work."""
    with database.connect() as superuser:
        (pid,) = wait_until(
            lambda: superuser.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = 'psql'"
                " AND state = 'active' AND wait_event_type = %s AND query NOT LIKE '%%pstdin%%'",
                [database.name, wait_event_type],
            ).fetchone()
        )
        return int(pid)


def terminate(database: Database, pid: int) -> None:
    with database.connect() as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


def test_export_killed(full: Database) -> None:
    guarded = guards(full)
    command = ["psql", "-XqAt", "-f", str(EXPORT), full.conninfo(DEPLOYER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        # psql waits for somebody to read, and the server for psql.
        pid = waiting_backend(full, "Client")
        with full.connect() as superuser:
            locked = "SELECT FROM pg_locks WHERE pid = %s AND mode = 'AccessExclusiveLock'"
            assert superuser.execute(locked, [pid]).rowcount
        terminate(full, pid)
        output, errors = process.communicate()
    assert process.returncode not in (0, None)
    assert b"closed the connection" in errors
    assert b"end_of_export" not in output
    assert guards(full) == guarded


def test_export_is_of_one_snapshot(full: Database) -> None:
    """A message that is committed while the export runs is neither in it nor counted."""
    command = ["psql", "-XqAt", "-f", str(EXPORT), full.conninfo()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        waiting_backend(full, "Client")
        store(full, [message(id="too late")])
        output, _ = process.communicate()
    assert process.returncode == 0
    assert len(lines_of(output)) == 20_010
    assert b"too late" not in output


def test_import_killed(database: Database) -> None:
    before, guarded = rows(database), guards(database)
    file = file_of([sent()])
    command = ["psql", "-X", "-f", str(IMPORT), database.conninfo(DEPLOYER)]
    with database.connect(autocommit=False) as holder:
        # The foreign key has to wait for it, in the middle of the import.
        holder.execute("SELECT FROM users FOR UPDATE")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(file)
            process.stdin.close()
            terminate(database, waiting_backend(database, "Lock"))
            assert process.wait() not in (0, None)
        holder.rollback()
    assert rows(database) == before
    assert guards(database) == guarded
    assert imported(database, file)["skill_messages"] == (1, 0, 0, 0)


def test_tables_of_the_host_are_left_to_it(
    source: Database, server: Server, names: Iterator[str]
) -> None:
    host = Database(server, next(names))
    server.create_database(host.name)
    try:
        with host.connect(DEPLOYER) as owner:
            owner.execute(HOST)
        deploy(host.target)
        lines = lines_of(exported(source))
        refused = psql(host, IMPORT, input=file_of(lines))
        assert b"tenant_id: Key (tenant_id)=(acme) is not present" in refused.stdout
        with host.connect(DEPLOYER) as owner:
            owner.execute("INSERT INTO tenants VALUES ('acme', 'Another name')")
            owner.execute("INSERT INTO users VALUES ('ann', 'acme', ''), ('bob', 'acme', '')")
            owner.execute("INSERT INTO skills VALUES ('sql', 'acme'), ('postgres', 'acme')")
        before = rows(host)
        ours = [
            line
            for line in lines
            if line["table"] != "skill_messages"
            or (line["row"]["tenant_id"] == "acme" and line["row"]["from_user_id"] == "ann")
        ]
        hosted = {table: (0, 0, 0, len(rows(source)[table])) for table in TABLES[:3]}
        messages = sum(line["table"] == "skill_messages" for line in ours)
        assert imported(host, file_of(ours)) == hosted | {"skill_messages": (messages, 0, 0, 0)}
        assert rows(host) == before | {"skill_messages": rows(host)["skill_messages"]}
        # And what is not ours is not exported.
        exported_again = lines_of(exported(host))
        assert sorted(map(json.dumps, exported_again)) == sorted(
            json.dumps(line) for line in ours if line["table"] == "skill_messages"
        )
    finally:
        server.drop_database(host.name)


def test_every_command_of_the_guide(
    source: Database,
    target: Database,
    backup: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "sql").symlink_to(ROOT / "sql")
    guide = (ROOT / "docs/export.md").read_text()
    where = {"PGHOST": "127.0.0.1", "PGPORT": str(source.server.settings["port"])}
    exports = []
    steps = BLOCK.findall(guide)
    assert {who for who, _ in steps} == {"owner", "backup"}
    for who, text in steps:
        script = re.sub(r"^\$ ", "", text, flags=re.MULTILINE)
        script = script.replace("-d app ", f"-d {source.name} ")
        script = script.replace("-d new ", f"-d {target.name} ")
        login = {"PGUSER": {"owner": DEPLOYER, "backup": backup}[who]}
        subprocess.run(
            ["bash", "-ec", script], cwd=tmp_path, env=os.environ | where | login, check=True
        )
        exports.append((tmp_path / "messages.jsonl").read_bytes())
    assert len(set(exports)) == 1
    assert rows(target) == rows(source)
    assert lines_of((tmp_path / "refused.jsonl").read_bytes()) == []
    part = lines_of((tmp_path / "part.jsonl").read_bytes())
    assert len(part) == sum("acme" in row for table in rows(source).values() for row in table)
