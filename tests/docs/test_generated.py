"""What is generated is up to date, and the one file does what the Sqitch deployment does."""

import re
import subprocess
from pathlib import Path

import pytest
from psycopg import errors

from tests.conftest import Database, dump
from tools.generate import generated
from tools.onefile import body, parse, scripts, settled
from tools.server import DEPLOYER, ROOT, sqitch

ONE_FILE = ROOT / "sql" / "skill_messages.sql"

# A screen: what a reader takes in without losing the beginning. preflight() is a list of checks,
# each to be read by itself.
LINES_OF_A_SCREEN = 100
LONGER = {"skill_messages_private.preflight"}
FUNCTION = re.compile(r"^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) ([\w.%]+).*?^\$\$;$", re.M | re.S)


def load(database: Database, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["psql", "-X", "-q", *options, "-f", str(ONE_FILE), database.conninfo(DEPLOYER)],
        capture_output=True,
        text=True,
        check=False,
    )


def succeeds(command: str, database: Database, *options: str) -> None:
    done = sqitch(command, database.target, *options)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_generated_is_stale(deployed: Database) -> None:
    with deployed.connect() as connection:
        files = generated(connection)
    stale = [str(file) for file, content in files.items() if file.read_text() != content]
    assert stale == [], "run make docs"


@pytest.mark.parametrize("kind", ["empty", "host"])
def test_the_one_file_makes_what_sqitch_deploys(kind: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(kind)
    succeeds("deploy", database)
    by_sqitch = dump(database)
    succeeds("revert", database, "-y")
    assert dump(database) != by_sqitch

    done = load(database, "-v", "ON_ERROR_STOP=1")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert dump(database) == by_sqitch

    # As its header says: Sqitch takes over from here.
    succeeds("deploy", database, "--log-only", "--no-verify")
    succeeds("verify", database)


@pytest.mark.parametrize("options", [[], ["-v", "ON_ERROR_STOP=1"]], ids=["go on", "stop"])
def test_loading_it_twice_stops_and_changes_nothing(deployed: Database, options: list[str]) -> None:
    before = dump(deployed)
    done = load(deployed, *options)
    first, _, hint = done.stderr.splitlines()[:3]
    assert first.endswith("ERROR:  skill_messages exists already, so nothing was loaded")
    assert hint.startswith("HINT:  ")
    assert done.returncode == (3 if options else 0)
    assert dump(deployed) == before


def test_it_is_not_loaded_into_what_is_left_of_the_schema(empty: Database) -> None:
    with empty.connect(DEPLOYER) as connection:
        connection.execute("CREATE SCHEMA skill_messages_private")
        with pytest.raises(errors.DuplicateObject, match="skill_messages exists already"):
            connection.execute(ONE_FILE.read_bytes())
        connection.execute("ROLLBACK")
        connection.execute("DROP SCHEMA skill_messages_private")


def test_a_migration_tool_may_send_it_in_one_piece(empty: Database, deployed: Database) -> None:
    content = ONE_FILE.read_bytes()
    with empty.connect(DEPLOYER) as connection:
        connection.execute(content)
    succeeds("deploy", empty, "--log-only", "--no-verify")
    succeeds("verify", empty)

    with deployed.connect() as connection, pytest.raises(errors.DuplicateObject, match="exists al"):
        connection.execute(content)


def test_a_host_that_lacks_something_gets_nothing_at_all(host: Database) -> None:
    with host.connect(DEPLOYER) as connection:
        connection.execute("ALTER TABLE users ALTER tenant_id DROP NOT NULL")
    before = dump(host)
    assert 'public.users needs the column "tenant_id text NOT NULL"' in load(host).stderr
    assert dump(host) == before
    with host.connect() as connection:
        query = "SELECT FROM pg_roles WHERE rolname LIKE 'skill_messages%'"
        assert connection.execute(query).rowcount == 0


def test_every_function_is_in_the_reference(deployed: Database) -> None:
    query = """
        SELECT proname, pronamespace = 'public'::regnamespace FROM pg_proc
        WHERE pronamespace IN ('public'::regnamespace, 'skill_messages_private'::regnamespace)
    """
    with deployed.connect() as connection:
        functions = connection.execute(query).fetchall()
    assert len(functions) > 30
    lines = (ROOT / "docs" / "reference.md").read_text().splitlines()
    heads = [line.partition(" | ")[0] for line in lines]
    missing = [
        name
        for name, is_public in functions
        if heads.count(f"### `{name}`" if is_public else f"| `{name}()`") != 1
    ]
    assert missing == []


@pytest.mark.parametrize("state", ["SM001", "SM005", "25006", "2D000", "40001", "42501"])
def test_the_reference_names_each_sqlstate(state: str) -> None:
    errors_table = (ROOT / "docs" / "reference.md").read_text().partition("\n## Errors\n")[2]
    assert f"\n| `{state}` | " in errors_table.partition("\n## ")[0]


def test_every_function_fits_on_a_screen() -> None:
    texts = [file.read_text() for file in sorted((ROOT / "deploy").rglob("*.sql"))]
    lines = {
        found[1]: found[0].count("\n") + 1 for text in texts for found in FUNCTION.finditer(text)
    }
    assert len(lines) > 30
    assert {name for name, count in lines.items() if count > LINES_OF_A_SCREEN} == LONGER


def test_the_plan_is_read_as_sqitch_reads_it() -> None:
    done = sqitch("plan", "db:pg:", "--no-headers", "--format", "format:%n")
    assert [name for name, _ in parse((ROOT / "sqitch.plan").read_text())[0]] == done.stdout.split()


def test_a_reworked_change_has_the_script_of_its_tag(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "a@v1.sql").touch()
    changes, tags = parse(
        "%project=x\n\na 2026 A <a@b> # x\nb [a] 2026 A <a@b>\n@v1 2026\na [a@v1]"
    )
    assert list(scripts(tmp_path, changes)) == ["a@v1.sql", "b.sql", "a.sql"]
    assert tags == ["@v1"]


TRANSACTION = "BEGIN;\n\nSELECT 1;\n\nCOMMIT;\n"
ONLINE_SCRIPT = "SELECT skill_messages_private.keys('users') \\gexec\n"


@pytest.mark.parametrize(
    "script",
    ["SELECT 1;\n", "BEGIN;\nBEGIN;\nCOMMIT;\n", "BEGIN;\n", TRANSACTION + ONLINE_SCRIPT],
)
def test_a_script_that_is_not_all_transactions_is_refused(script: str) -> None:
    with pytest.raises(ValueError, match=r"deploy/x\.sql"):
        body(script, "x.sql")


def test_the_one_file_runs_in_one_transaction_what_sqitch_runs_in_several() -> None:
    assert body(TRANSACTION * 2, "x.sql") == "SELECT 1;\n\n" * 2
    assert "EXECUTE replace(v_statement, ' CONCURRENTLY', '')" in body(ONLINE_SCRIPT, "x.sql")


def test_the_one_file_builds_no_index_on_a_large_table(host: Database) -> None:
    """Its writers would wait; said are the statements that make them not wait."""
    with host.connect(DEPLOYER) as connection:
        connection.execute("""
            INSERT INTO users SELECT 'many' || n, 't1', 'Many' FROM generate_series(1, 100100) AS n;
            ANALYZE users
        """)
        before = dump(host)
        complaint = load(host).stderr
        assert "users or skills has more than 100,000 rows" in complaint
        assert dump(host) == before
        (needed,) = re.findall(r"Run first, outside a transaction: (.*)$", complaint, re.MULTILINE)
        assert needed == (
            "CREATE UNIQUE INDEX CONCURRENTLY users_skill_messages_key "
            "ON public.users (tenant_id, id)"
        )
        connection.execute(needed)
    assert load(host, "-v", "ON_ERROR_STOP=1").returncode == 0
    succeeds("deploy", host, "--log-only", "--no-verify")
    succeeds("verify", host)


def test_the_one_file_waits_for_no_other_deploy(empty: Database) -> None:
    with empty.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(1936420211)")
        assert "another deploy or revert of skill_messages is at work" in load(empty).stderr


def test_a_setting_of_a_script_ends_with_it_in_the_one_file() -> None:
    scripts_with_settings = [
        "SET LOCAL a = 1;\nSET LOCAL b = 1;\n\nfirst;\n",
        "SET LOCAL a = 1;\nSET LOCAL b = 2;\n\n-- why\nSET LOCAL c = 3;\n\nsecond;\n",
        "-- Deploy\n\nSET LOCAL a = 1;\n\nthird;\n",
    ]
    assert list(settled(scripts_with_settings, {"a": "1"})) == [
        "SET LOCAL b = 1;\n\nfirst;\n",
        "SET LOCAL b = 2;\n\n-- why\nSET LOCAL c = 3;\n\nsecond;\n",
        "SET LOCAL b = DEFAULT;",
        "SET LOCAL c = DEFAULT;",
        "-- Deploy\n\nthird;\n",
    ]


def test_the_one_file_fixes_the_search_path_once_and_first() -> None:
    content = ONE_FILE.read_text()
    fixed = "\nBEGIN;\n\nSET LOCAL search_path = pg_catalog, pg_temp;\n"
    assert content.count(fixed) == 1
    assert len(re.findall(r"^SET LOCAL search_path", content, re.MULTILINE)) == 1
