"""examples/drizzle: deployed by the commands of its README, and left alone by drizzle-kit."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database, dump
from tests.node import Program, install
from tools.server import DEPLOYER, ROOT

pytestmark = pytest.mark.node

Steps = dict[str, dict[str, Any]]

ROLES = """
    SELECT r.rolname, r.rolcanlogin, array_agg(m.roleid::regrole ORDER BY m.roleid)::text
    FROM pg_roles AS r LEFT JOIN pg_auth_members AS m ON m.member = r.oid
    GROUP BY r.rolname, r.rolcanlogin ORDER BY r.rolname
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Program:
    """The application with its migrations written, by the README's commands. No database yet."""
    folder = tmp_path_factory.mktemp("drizzle")
    program = install(ROOT / "examples/drizzle", folder, pytestconfig.cache)
    *write, migrate, main = program.commands()
    assert (migrate, main) == ("npx tsx src/migrate.ts", "npx tsx src/main.ts")
    for command in write:
        program.run("bash", "-ec", command)
    return program


@pytest.fixture
def program(written: Program, tmp_path: Path) -> Program:
    """A copy, for a test that changes something."""
    folder = tmp_path / "app"
    shutil.copytree(written.folder, folder, symlinks=True)
    return Program(folder, written.environment)


@pytest.fixture
def url(empty: Database) -> str:
    """The owner of an empty database: the application logs in as it."""
    return empty.url(DEPLOYER)


def catalogue(database: Database) -> tuple[list[str], list[Any]]:
    with database.connect() as connection:
        return dump(database, "--schema-only"), connection.execute(ROLES).fetchall()


def test_the_services_work_by_hand_and_by_the_functions(written: Program, url: str) -> None:
    written.run("npx", "tsx", "src/migrate.ts", DATABASE_URL=url)
    printed = written.run("npx", "tsx", "src/main.ts", DATABASE_URL=url)
    steps: list[dict[str, Any]] = [json.loads(line) for line in printed.splitlines()]
    by_hand, functions = (
        [step for step in steps if step["step"].startswith(kind)]
        for kind in ("by hand", "functions")
    )

    *rest, conflict = by_hand
    assert rest == [
        {
            "step": "by hand: list",
            "from": "Ann",
            "subject": "SQL",
            "parent": "EXPLAIN",
            "status": "pending",
            "sameTime": True,
        },
        {"step": "by hand: unread", "count": 1},
        {"step": "by hand: read twice", "same": True},
        {"step": "by hand: accepted", "status": "accepted"},
    ]
    assert conflict["code"] == "SM003"

    *rest, conflict = functions
    assert rest == [
        {"step": "functions: list", "pages": [["Two", "One"], ["Shall I go under yours?"]]},
        {"step": "functions: unread", "count": 2},
        {"step": "functions: unread", "count": 1},
        {"step": "functions: declined", "status": "declined"},
    ]
    assert conflict["code"] == "SM003"
    assert conflict["hint"].startswith("A decision is final.")

    tenant, nothing, create, call = steps[-4:]
    assert tenant == {"step": "another tenant", "within": ["Hello"], "afterwards": 0}
    # Forgotten: nothing is visible, nothing is written, and a function says what is missing.
    assert nothing == {"step": "no context", "visible": 0, "found": False}
    assert create["code"] == "42501"
    assert (call["code"], call["hint"]) == (
        "SM001",
        "First call set_skill_message_context() in this transaction.",
    )


def test_push_and_generate_leave_the_schema_alone(
    program: Program, empty: Database, url: str
) -> None:
    program.run("drizzle-kit", "migrate", DATABASE_URL=url)
    before = catalogue(empty)
    assert "No changes detected" in program.run("drizzle-kit", "push", "--force", DATABASE_URL=url)
    assert "No schema changes" in program.run("drizzle-kit", "generate")
    # With a change of the application's own, too.
    schema = program.folder / "src/schema.ts"
    changed = schema.read_text().replace(
        'email: text("email")', 'email: text("email"), x: text("x")'
    )
    schema.write_text(changed)
    pushed = program.run("drizzle-kit", "push", "--verbose", DATABASE_URL=url)
    assert [line for line in pushed.splitlines() if line.endswith(";")] == [
        'ALTER TABLE "users" ADD COLUMN "x" text;'
    ]
    program.run("drizzle-kit", "generate", "--name=x")
    [migration] = program.folder.glob("drizzle/*_x.sql")
    assert migration.read_text() == 'ALTER TABLE "users" ADD COLUMN "x" text;'
    with empty.connect() as connection:
        connection.execute("ALTER TABLE users DROP COLUMN x")
    assert catalogue(empty) == before


def test_what_the_settings_are_for(program: Program, empty: Database, url: str) -> None:
    """Without them push drops what it does not know: the messages even without a question."""
    program.run("drizzle-kit", "migrate", DATABASE_URL=url)
    program.run("tsx", "src/main.ts", DATABASE_URL=url)
    config = program.folder / "drizzle.config.ts"
    kept = config.read_text()

    def push(old: str, new: str) -> str:
        assert old in kept
        config.write_text(kept.replace(old, new))
        done = program.attempt("drizzle-kit", "push", "--verbose", DATABASE_URL=url)
        return done.stdout + done.stderr

    # Of these the server, or the missing answer to a question, stops the first one.
    assert 'DROP ROLE "skill_messages_app"' in push("roles: false", "roles: true")
    private = push('["public"]', '["public", "skill_messages_private"]')
    assert 'DROP SCHEMA "skill_messages_private"' in private
    with empty.connect() as connection:
        assert connection.execute("SELECT FROM skill_messages").rowcount > 0

    assert "Found data-loss statements" not in push("tablesFilter:", "// tablesFilter:")
    with empty.connect() as connection:
        [(table,)] = connection.execute("SELECT to_regclass('skill_messages')").fetchall()
    assert table is None


@pytest.mark.parametrize("separator", ["", "--> statement-breakpoint\n"])
def test_a_failing_statement_leaves_nothing(
    program: Program, empty: Database, url: str, separator: str
) -> None:
    migration = program.folder / "drizzle/0001_skill_messages.sql"
    whole = migration.read_text()
    # drizzle-kit would cut it there.
    assert "statement-breakpoint" not in whole
    migration.write_text(f"{whole}{separator}SELECT 1 / 0;\n")
    done = program.attempt("tsx", "src/migrate.ts", DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.endswith("\ndivision by zero\n")
    with empty.connect() as connection:
        left = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n"
            " ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_|^information_schema$'"
            " AND c.relkind IN ('r', 'v')"
        )
        assert left.fetchall() == [("drizzle", "__drizzle_migrations")]
        roles = "SELECT FROM pg_roles WHERE rolname LIKE 'skill_messages%'"
        assert connection.execute(roles).rowcount == 0

    migration.write_text(whole)
    program.run("drizzle-kit", "migrate", DATABASE_URL=url)
    with empty.connect() as connection:
        assert connection.execute("SELECT FROM skill_messages_version()").rowcount == 1
