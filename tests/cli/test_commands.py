"""`python -m skill_messages`: what the commands print, and the schema for a migration tool."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from typing_extensions import LiteralString

import skill_messages
from tests.cli.conftest import into_closed_pipe
from tests.conftest import Database, dump
from tools.server import DEPLOYER, ROOT, sqitch

COMMAND = [sys.executable, "-m", "skill_messages"]


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def printed(*arguments: str) -> str:
    done = cli(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("command", ["", "dev", "path", "schema", "check"])
def test_help_has_examples(command: str) -> None:
    text = printed(*command.split(), "--help")
    _, _, examples = text.partition("\n  Examples:\n")
    assert f"python -m skill_messages {command}" in examples


def test_without_a_command_the_help_is_printed() -> None:
    assert printed() == printed("--help")


def test_the_version_is_that_of_the_package() -> None:
    assert printed("--version").split()[-1] == skill_messages.__version__


@pytest.mark.parametrize(
    ("what", "place"),
    [
        ("", "."),
        ("sqitch", "."),
        ("schema", "sql/skill_messages.sql"),
        ("sql", "sql"),
        ("pgtap", "tests/pgtap"),
    ],
)
def test_of_a_clone_the_paths_are_those_of_the_repository(what: str, place: str) -> None:
    assert Path(printed("path", *what.split()).removesuffix("\n")) == ROOT / place


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["path", "nonsense"], 2, "'nonsense' is not one of"),
        (["dev", "--port", "0"], 2, "Invalid value for '--port'"),
        (["dev", "--keep", "/proc/version"], 2, "is a file"),
        (["dev", "--keep", "/proc/nonsense"], 1, "/proc/nonsense: No such file or directory"),
        (["dev", "--pgbin", "/nonsense"], 1, "/nonsense does not have the programs initdb"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], code: int, message: str) -> None:
    done = cli(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr


@pytest.mark.parametrize("arguments", [["schema"], ["path"], ["--help"]])
def test_whoever_has_read_enough_may_close_the_pipe(arguments: list[str]) -> None:
    assert into_closed_pipe([*COMMAND, *arguments], **os.environ) == (0, "")


def test_the_schema_is_the_one_file() -> None:
    assert printed("schema") == (ROOT / "sql" / "skill_messages.sql").read_text()


@pytest.fixture(scope="module")
def bare() -> str:
    """The schema for a tool that brings its own transaction."""
    return printed("schema", "--no-transaction")


@pytest.fixture
def tool(empty: Database) -> Database:
    """A database with the table of a migration tool, in a schema of its own."""
    with empty.connect(DEPLOYER) as connection:
        connection.execute("CREATE SCHEMA tool CREATE TABLE migrations (name text)")
    return empty


def settings(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """All but those of plpgsql, which are there once it has run."""
    query = "SELECT name, setting FROM pg_settings WHERE name NOT LIKE 'plpgsql.%'"
    return dict(connection.execute(query).fetchall())


OF_THE_TOOL: LiteralString = """
SET {} search_path = tool, public;
SET {} lock_timeout = '7s';
SET {} client_min_messages = log;
"""


@pytest.mark.parametrize("kind", ["SESSION", "LOCAL"])
def test_a_tool_goes_on_with_its_own_settings(tool: Database, bare: str, kind: str) -> None:
    own = OF_THE_TOOL.replace("{}", kind)
    with tool.connect(DEPLOYER) as connection:
        with connection.transaction():
            connection.execute(own)
            before = settings(connection)
            connection.execute(bare.encode())
            assert settings(connection) == before
            # Its table, unqualified.
            connection.execute("INSERT INTO migrations VALUES ('0042')")
        after = settings(connection)
    assert {name for name in before if before[name] != after[name]} == (
        {"search_path", "lock_timeout", "client_min_messages"} if kind == "LOCAL" else set()
    )
    for command, *options in (("deploy", "--log-only", "--no-verify"), ("verify",)):
        done = sqitch(command, tool.target, *options)
        assert done.returncode == 0, done.stdout + done.stderr


def test_when_a_later_statement_of_the_tool_fails_nothing_stays(tool: Database, bare: str) -> None:
    before = dump(tool)
    with tool.connect(DEPLOYER) as connection:
        connection.execute("BEGIN")
        connection.execute(bare.encode())
        with pytest.raises(errors.UndefinedTable):
            connection.execute("INSERT INTO migrations VALUES ('0042')")
        connection.execute("ROLLBACK")
        roles = "SELECT FROM pg_roles WHERE rolname LIKE 'skill_messages%'"
        assert connection.execute(roles).rowcount == 0
    assert dump(tool) == before


@pytest.mark.parametrize(
    ("options", "failure", "stays"),
    [
        (["-1"], "", True),
        (["-1"], "no_such_table", False),
        ([], "no transaction is open, so nothing was loaded", False),
    ],
)
def test_through_psql(
    tool: Database, bare: str, options: list[str], failure: str, stays: bool, tmp_path: Path
) -> None:
    before = dump(tool)
    files = [tmp_path / "schema.sql", tmp_path / "after.sql"]
    files[0].write_text(bare)
    table = failure if options and failure else "migrations"
    files[1].write_text(f"INSERT INTO {table} VALUES ('0042');\n")  # noqa: S608
    done = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *options]
        + [part for file in files for part in ("-f", str(file))]
        + [tool.conninfo(DEPLOYER)],
        env=os.environ | {"PGOPTIONS": "-c search_path=tool,public"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == stays, done.stderr
    assert failure in done.stderr
    assert (dump(tool) != before) == stays
