"""A hand-written table becomes the package's, in place, while its application goes on."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from typing_extensions import LiteralString

from tests.conftest import Database, dump, wait_until
from tests.trial.convert import Traffic, convert, converted, prepare
from tools.server import DEPLOYER, ROOT, Server, deploy, sqitch

GUIDE = (ROOT / "docs/converting.md").read_text()
BLOCK = re.compile(r"^```(?:sql|console) (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Where the hand-written rules allow what the package refuses, and what is said of it.
BAD: list[tuple[str, str]] = [
    ("status = 'archived'", "status: not pending, accepted or declined"),
    (r"message = E' \n\u200B'", "message: no visible character"),
    ("message = repeat('x', 20000)", "message: over 10,000 characters"),
    ("id = repeat('ü', 128)", "id: empty, or over 255 bytes"),
    ("id = ''", "id: empty, or over 255 bytes"),
    ("from_user_id = 'u1'", "from_user_id: no user of this tenant"),
    ("to_user_id = 'u1'", "to_user_id: no user of this tenant"),
    ("subject_skill_id = 's1'", "subject_skill_id: no skill of this tenant"),
    ("proposed_parent_skill_id = 's1'", "proposed_parent_skill_id: no skill of this tenant"),
    ("created_at = '1969-12-31'", "created_at: not from 1970 to 9999"),
    ("created_at = 'infinity'", "created_at: not from 1970 to 9999"),
    ("tenant_id = ''", "tenant_id: empty"),
]


@pytest.fixture(scope="module")
def template(server: Server, names: Iterator[str]) -> Database:
    """The live host with 4,000 messages in a hand-written table, which once had another column."""
    database = Database(server, next(names))
    server.create_database(database.name)
    prepare(database, messages=4000, users=200, skills=400)
    with database.connect(DEPLOYER) as owner:
        owner.execute("ALTER TABLE skill_messages ADD gone text")
        owner.execute("ALTER TABLE skill_messages DROP gone")
    return database


@pytest.fixture
def live(template: Database, names: Iterator[str]) -> Iterator[Database]:
    """A copy of it; nobody is a member of the service."""
    database = Database(template.server, next(names))
    template.server.create_database(database.name, template.name)
    forget_membership(database)
    yield database
    forget_membership(database)
    template.server.drop_database(database.name)


def forget_membership(database: Database) -> None:
    """Takes back what the conversion granted. From 16 on its creator keeps what it has."""
    with database.connect(DEPLOYER) as owner:
        roles = owner.execute("SELECT FROM pg_roles WHERE rolname = 'skill_messages_service'")
        if roles.rowcount:
            owner.execute(f"REVOKE skill_messages_service FROM {DEPLOYER}".encode())


@pytest.fixture(scope="module")
def fresh_schema(server: Server, names: Iterator[str]) -> list[str]:
    """The dump of the live host with a fresh deployment."""
    database = Database(server, next(names))
    server.create_database(database.name)
    with database.connect(DEPLOYER) as owner:
        owner.execute((ROOT / "tests/hosts/live.sql").read_bytes())
    deploy(database.target)
    return dump(database, "--schema-only")


def complaint(database: Database, *options: str) -> str:
    """What a conversion says that stops, and that it changed nothing."""
    before = dump(database)
    with pytest.raises(RuntimeError) as raised:
        converted(database, *options)
    assert dump(database) == before
    return str(raised.value)


def rows(database: Database, query: LiteralString, *arguments: object) -> list[Any]:
    with database.connect() as superuser:
        return superuser.execute(query, arguments or None).fetchall()


def messages(database: Database) -> dict[str, tuple[Any, ...]]:
    """The ten columns of all but what the traffic sent, by id."""
    found = rows(database, "SELECT * FROM skill_messages WHERE id NOT LIKE 'client%'")
    return {row[0]: row[:10] for row in found}


UNCUT: LiteralString = """
    SELECT FROM skill_messages
    WHERE created_at <> date_trunc('ms', created_at) OR read_at <> date_trunc('ms', read_at)
"""


def test_every_step_of_the_guide_under_traffic(
    live: Database, fresh_schema: list[str], tmp_path: Any
) -> None:
    before = messages(live)
    now = rows(live, "SELECT now()")[0][0]
    steps = BLOCK.findall(GUIDE)
    assert [who for who, _ in steps] == ["check", "backup", "convert", "deploy", "verify"]
    with Traffic(live) as traffic:
        for _, text in steps:
            command = text.removeprefix("$ ").strip()
            command = command.replace("-d app", f"-d '{live.conninfo(DEPLOYER)}'")
            command = command.replace("before.dump", str(tmp_path / "before.dump"))
            command = command.replace("db:pg://app_owner@host/app", live.target)
            if command.startswith("sqitch"):
                verb, *options = command.removesuffix(live.target).split()[1:]
                done = sqitch(verb, live.target, *options)
            else:
                done = subprocess.run(
                    shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=False
                )
            assert done.returncode == 0, done.stdout + done.stderr
            if command.startswith("pg_dump"):
                listed = ["pg_restore", "--file=-", str(tmp_path / "before.dump")]
                backup = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
                assert all(message in backup for message in before)
    assert traffic.failures == []
    assert max(traffic.longest.values()) < 1
    assert dump(live, "--schema-only") == fresh_schema

    after = messages(live)
    assert after.keys() == before.keys()
    answered = dict(rows(live, "SELECT id, answered_at FROM skill_messages"))
    touched = 0
    for key, (*content, status, created_at, read_at) in before.items():
        cut = created_at.replace(microsecond=created_at.microsecond // 1000 * 1000)
        assert after[key][:7] == tuple(content)
        assert after[key][8] == cut
        if read_at is None and after[key][9] is not None:  # by the traffic
            touched += 1
        elif read_at is None or read_at <= created_at:
            assert after[key][9] == (read_at and cut)
        elif read_at <= now:
            assert after[key][9] == read_at.replace(microsecond=read_at.microsecond // 1000 * 1000)
        else:
            assert now <= after[key][9] <= now + timedelta(minutes=5)
        assert after[key][7] == status
        assert answered[key] is None
    assert touched > 0
    assert not rows(live, UNCUT)

    with live.connect(DEPLOYER, options="-c app.current_tenant_id=t1") as client:
        read = client.execute("""
            UPDATE skill_messages SET read_at = now()
            WHERE id = (
                SELECT id FROM skill_messages WHERE status = 'declined' AND read_at IS NULL LIMIT 1
            )
            RETURNING status, read_at IS NOT NULL, answered_at
        """)
        assert read.fetchall() == [("declined", True, None)]
        with pytest.raises(psycopg.errors.CheckViolation):
            client.execute("UPDATE skill_messages SET status = 'archived' WHERE status = 'pending'")
    assert converted(live).startswith("public.skill_messages is converted already")


def test_all_bad_rows_are_named_and_nothing_is_changed(live: Database) -> None:
    bad = spoil(live)
    said = complaint(live)
    assert f"{len(bad)} messages break a rule" in said
    for key, reason in bad.items():
        assert re.search(rf"\| +{re.escape(key)} +\| {reason}( |$)", said, re.MULTILINE), key
    assert re.search(r"id: empty, or over 255 bytes +\| +2$", said, re.MULTILINE)
    with live.connect() as superuser:
        assert not superuser.execute(
            "SELECT FROM pg_namespace WHERE nspname = 'skill_messages_private'"
        ).rowcount


def test_bad_rows_are_moved_under_traffic(live: Database, fresh_schema: list[str]) -> None:
    bad = spoil(live)
    before = dict(rows(live, "SELECT id, to_jsonb(m) FROM skill_messages AS m"))
    with Traffic(live) as traffic:
        converted(live, "-v", "bad_rows=move")
        deploy(live.target)
    assert traffic.failures == []

    moved = dict(rows(live, "SELECT id, to_jsonb(r) FROM skill_messages_rejected AS r"))
    assert {key: row.pop("reasons") for key, row in moved.items()} == {
        key: [reason] for key, reason in bad.items()
    }
    assert moved == {key: before[key] for key in bad}
    assert messages(live).keys() == before.keys() - bad.keys()

    # Closed to all but the owner, whatever is granted. Beside it the schema is a fresh one.
    with live.connect(DEPLOYER) as owner:
        owner.execute("GRANT SELECT ON skill_messages_rejected TO skill_messages_app")
        with owner.transaction():
            assert owner.execute("SELECT FROM skill_messages_rejected").rowcount == len(bad)
    with live.connect() as superuser:
        with superuser.transaction():
            superuser.execute("SET LOCAL ROLE skill_messages_app")
            assert superuser.execute("SELECT FROM skill_messages_rejected").rowcount == 0
        superuser.execute("DROP TABLE skill_messages_rejected")
    assert dump(live, "--schema-only") == fresh_schema


def spoil(database: Database) -> dict[str, str]:
    """Makes some messages break a rule each. Returns their ids with what is to be said of them."""
    bad: dict[str, str] = {}
    with database.connect() as superuser:
        superuser.execute("INSERT INTO tenants (id, slug, name) VALUES ('', '', 'Nobody')")
        superuser.execute(
            "INSERT INTO users (id, tenant_id, email) VALUES ('nobody', '', 'n@example.com');"
            "INSERT INTO skills (id, tenant_id, slug, name, category, content)"
            " VALUES ('nothing', '', 'nothing', '', '', '')"
        )
        query = "SELECT id FROM skill_messages WHERE status = 'accepted' AND tenant_id = 't3'"
        found = superuser.execute(query).fetchall()
        for (key,), (change, reason) in zip(found, BAD, strict=False):
            if change.startswith("tenant_id"):
                change += ", from_user_id = 'nobody', to_user_id = 'nobody',"
                change += "subject_skill_id = 'nothing', proposed_parent_skill_id = NULL"
            if not change.startswith("created_at"):
                change += ", created_at = date_trunc('ms', created_at), read_at = NULL"
            update = f"UPDATE skill_messages SET {change} WHERE id = %s RETURNING id"  # noqa: S608
            done = superuser.execute(update.encode(), [key])
            [(key,)] = done.fetchall()
            bad[key] = reason
    return bad


WAITS_FOR_A_LOCK: LiteralString = """
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%short_locks(%ADD COLUMN answered_at%'
        AND pid <> pg_backend_pid()
"""


def test_a_bad_row_that_is_written_meanwhile(live: Database) -> None:
    """Kept under a constraint that was not validated, it could not be marked as read."""
    with live.connect(DEPLOYER, options="-c app.current_tenant_id=t1") as client:
        insert: LiteralString = """
            INSERT INTO skill_messages VALUES
            ('late', 't1', 'u100', 'u100', 's100', NULL, 'Hello', 'archived', now(), NULL)
        """
        read: LiteralString = "UPDATE skill_messages SET read_at = now() WHERE id = 'late'"
        with client.transaction():
            client.execute(insert)
            process = convert(live)
            wait_until(lambda: rows(live, WAITS_FOR_A_LOCK))
        printed = "".join(process.communicate())
        assert process.returncode == 3, printed
        assert "1 messages break a rule" in printed
        assert re.search(r"\| late +\| status: not pending", printed)
        assert client.execute(read).rowcount == 1
        assert not rows(live, "SELECT FROM pg_constraint WHERE NOT convalidated")
        assert "exists already, and not of this package's making" in (
            sqitch("deploy", live.target).stderr
        )

        converted(live, "-v", "bad_rows=move")
        assert rows(live, "SELECT id FROM skill_messages_rejected") == [("late",)]
        with pytest.raises(psycopg.errors.CheckViolation):
            client.execute(insert)
    assert not rows(live, "SELECT FROM pg_constraint WHERE NOT convalidated")


@pytest.mark.parametrize("end", ["psql killed", "server process terminated"])
def test_killed_while_it_waits_it_lets_the_next_run_in(live: Database, end: str) -> None:
    with live.connect(DEPLOYER) as writer, writer.transaction():
        writer.execute("UPDATE skill_messages SET read_at = now() WHERE tenant_id = 't1'")
        process = convert(live)
        wait_until(lambda: rows(live, WAITS_FOR_A_LOCK))
        if end == "psql killed":
            process.kill()
        else:
            with live.connect() as superuser:
                superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'psql'"
                )
        process.communicate()
        assert process.returncode != 0
        process = convert(live)
    printed = "".join(process.communicate())
    assert process.returncode == 0, printed


# Where a statement of the script begins, once it has begun to change things.
STATEMENT = re.compile(r"^(?=(CALL|SELECT|CREATE|BEGIN;|VACUUM|DROP|\\ir)\s)", re.MULTILINE)


def test_stopped_before_any_statement_it_goes_on(
    live: Database, template: Database, names: Iterator[str], tmp_path: Any
) -> None:
    converted(live)
    expected = dump(live, "--schema-only")
    whole = (ROOT / "sql/convert.sql").read_text()
    text = re.sub(r"^\\ir (.*)$", rf"\\i {ROOT}/sql/\1", whole, flags=re.MULTILINE)
    changes_begin = text.index("SET client_min_messages = warning;")
    places = [place.start() for place in STATEMENT.finditer(text, changes_begin)]
    assert len(places) > 25
    for place in places:
        copy = Database(template.server, next(names))
        template.server.create_database(copy.name, template.name)
        part = tmp_path / "part.sql"
        part.write_text(text[:place])
        # It ends within a transaction here and there, or within an \\if: that is the point.
        command = ["psql", "-X", "-d", copy.conninfo(DEPLOYER), "-f", str(part)]
        subprocess.run(command, capture_output=True, check=False)
        converted(copy)
        assert dump(copy, "--schema-only") == expected, text[place : place + 300]
        assert not rows(copy, UNCUT)
        template.server.drop_database(copy.name)


def test_a_half_built_index_is_built_anew(live: Database) -> None:
    with live.connect() as superuser:
        superuser.execute("""
            CREATE UNIQUE INDEX skill_messages_pkey_new ON skill_messages (id, tenant_id);
            CREATE INDEX skill_messages_unread_idx_new ON skill_messages (to_user_id);
            UPDATE pg_index SET indisvalid = false WHERE indexrelid IN (
                'skill_messages_pkey_new'::regclass, 'skill_messages_unread_idx_new'::regclass
            );
        """)
    converted(live)
    query: LiteralString = """
        SELECT substring(pg_get_indexdef(indexrelid) FROM 'USING (.*)'), indisvalid
        FROM pg_index
        WHERE indexrelid IN (
            'skill_messages_pkey'::regclass, 'skill_messages_unread_idx'::regclass
        )
        ORDER BY indisprimary
    """
    unread = "btree (to_user_id, tenant_id) INCLUDE (from_user_id) WHERE (read_at IS NULL)"
    assert rows(live, query) == [(unread, True), ("btree (id, tenant_id)", True)]


UNEXPECTED: list[tuple[LiteralString, str]] = [
    ("ALTER TABLE skill_messages ADD note text", "Its column 11 is to be"),
    ("ALTER TABLE skill_messages ALTER status DROP NOT NULL", "Its column 8 is to be status text"),
    ("ALTER TABLE skill_messages ALTER tenant_id SET DEFAULT 'default'", "DEFAULT 'default'"),
    ("CREATE UNIQUE INDEX one ON skill_messages (id, to_user_id)", "the unique index public.one"),
    ("ALTER TABLE skill_messages ADD CONSTRAINT c CHECK (message <> '')", "the constraint c"),
    (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER t AFTER INSERT ON skill_messages FOR EACH ROW EXECUTE FUNCTION f()",
        "the trigger t",
    ),
    ("CREATE POLICY p ON skill_messages USING (true)", "the policy p"),
    ("GRANT SELECT (id) ON skill_messages TO pg_monitor", "pg_monitor has a privilege on it"),
    ("CREATE VIEW v AS SELECT id FROM skill_messages", "depends on it"),
    (
        "CREATE INDEX e ON skill_messages (lower(message))",
        "the index public.e, with an expression of the text",
    ),
    ("ALTER TABLE users FORCE ROW LEVEL SECURITY", "row-level security hides rows of it"),
]


def test_all_that_is_unexpected_is_named_at_once(live: Database) -> None:
    with live.connect(DEPLOYER) as owner:
        for statement, _ in UNEXPECTED:
            owner.execute(statement)
    said = complaint(live)
    for _, finding in UNEXPECTED:
        assert said.count(finding) == 1, finding
    assert "HINT:  Do as the detail says, or drop what it names" in said


def test_a_key_of_the_host_to_the_message_is_named(live: Database) -> None:
    """preflight() does that: with the table as it will be, it could not stand."""
    with live.connect(DEPLOYER) as owner:
        owner.execute("CREATE TABLE notes (message_id text REFERENCES skill_messages)")
    assert "notes.notes_message_id_fkey refers to public.skill_messages (id)" in complaint(live)


@pytest.mark.usefixtures("fresh_schema")
def test_who_may_not_grant_the_role_is_told_before_anything_is_done(live: Database) -> None:
    with live.connect() as superuser:
        if superuser.info.server_version < 160000:
            take = f"ALTER ROLE {DEPLOYER} NOCREATEROLE"
            give = f"ALTER ROLE {DEPLOYER} CREATEROLE"
        else:
            take = f"REVOKE ADMIN OPTION FOR skill_messages_service FROM {DEPLOYER}"
            give = f"GRANT skill_messages_service TO {DEPLOYER} WITH ADMIN TRUE, INHERIT FALSE"
        superuser.execute(take.encode())
        try:
            said = complaint(live)
        finally:
            superuser.execute(give.encode())
    assert f"GRANT skill_messages_service TO {DEPLOYER}" in said


def test_who_is_not_the_owner_is_told(live: Database) -> None:
    command = ["psql", "-X", "-d", live.conninfo(), "-f", str(ROOT / "sql/convert.sql")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert f'PGOPTIONS="-c role={DEPLOYER}"' in done.stderr


def test_no_text_stays_in_the_statistics(live: Database) -> None:
    query: LiteralString = """
        SELECT FROM pg_stats WHERE tablename = 'skill_messages' AND attname = 'message'
    """
    assert rows(live, query)
    converted(live)
    assert not rows(live, query)
