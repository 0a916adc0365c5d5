"""Every fenced block of the documentation is run here, or named below with the test that runs it.

A page is a story: its blocks run from top to bottom, on a database of its own. After the language
stands who runs a block. A `text` block shows what the block before it prints, or parts of that: its
paragraphs are there as they stand, in this order. `…` is anything within a paragraph.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from tests.client.test_node import program  # noqa: F401
from tests.conftest import LOGIN_ROLES, wait_until
from tests.docs import test_operating
from tests.migration import test_convert, test_export, test_moving_in, test_upgrade
from tools.server import ROOT, Server, sqitch_command

FENCE = re.compile(r"^( *)```(\w*) ?([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    line: int
    language: str
    words: str
    text: str


def blocks(page: str) -> list[Block]:
    content = (ROOT / page).read_text()
    return [
        Block(
            content.count("\n", 0, found.start()) + 1,
            found[2],
            found[3],
            re.sub(f"^{found[1]}", "", found[4], flags=re.MULTILINE),
        )
        for found in FENCE.finditer(content)
    ]


FILES = ["README.md", "CHANGELOG.md", "python/README.md"]
FILES += [str(file.relative_to(ROOT)) for file in sorted((ROOT / "docs").rglob("*.md"))]

# What the test of a guide finds there by its own pattern, it runs: texts, or words.
GUIDES = {
    "docs/operating.md": {text for _, text in test_operating.BLOCKS.values()},
    "docs/moving-in.md": {text for *_, text in test_moving_in.BLOCK.findall(test_moving_in.GUIDE)},
    "docs/converting.md": {text for _, text in test_convert.BLOCK.findall(test_convert.GUIDE)},
    "docs/export.md": {
        text for _, text in test_export.BLOCK.findall((ROOT / "docs/export.md").read_text())
    },
    "docs/releasing.md": set(test_upgrade.BLOCKS),
    "docs/scaling.md": {"citus"},  # tests/citus/test_scaling_page.py, on a cluster
}

# Others: the page, how the block begins, who runs it, and words by which it does.
ELSEWHERE = [
    ("README.md", "$ pip install 'skill-messages[dev]'", "tests/cli/test_package.py", "[dev]"),
    ("README.md", "$ make dev", "tests/cli/test_dev.py", "make"),
    (
        "python/README.md",
        "$ pip install 'skill-messages[dev]",
        "tests/cli/test_package.py",
        "[dev]",
    ),
    ("python/README.md", "$ pip install 'skill-messages[bin", "tests/cli/test_package.py", "[dev]"),
    ("docs/quickstart.md", "$ pip install 'skill-m", "tests/cli/test_package.py", "[dev]"),
    ("docs/python.md", "$ pip install 'skill-m", "tests/cli/test_package.py", "[dev]"),
    ("docs/concepts.md", "flowchart TB", "deploy/isolation/tenant_isolation.sql", "tenant_access"),
    ("docs/architecture.md", "sequenceDiagram", "tests/schema/test_plans.py", "to_user_idx"),
    ("docs/ci.md", "$ pg_prove --recurse", "tests/schema/test_pgtap.py", "pg_prove("),
    ("docs/ci.md", "$ pg_prove --set", "tests/schema/test_pgtap.py", "host_rows="),
    ("docs/operating.md", "$ sqitch deploy --l", "tests/migration/test_upgrade.py", "--log-only"),
    ("docs/operating.md", "$ sqitch revert -y --to @", "tests/migration/test_upgrade.py", "guide("),
    ("docs/export.md", '{"table" : "users"', "tests/migration/test_export.py", "end_of_export"),
    ("docs/versions.md", "$ make test-matrix", ".github/workflows/ci.yml", "make test-matrix"),
    ("docs/versions.md", "                      passed", "tools/matrix.py", "passed"),
]

# Pages that begin with an empty server. The others have what `dev` makes.
FROM_NOTHING = {"docs/deploying.md"}

# What an example expects of the reader's own tables, run as a superuser before it.
NEEDS = {
    "display_name": "ALTER TABLE users ADD display_name text",
    "parent_id": """
        ALTER TABLE skills ADD parent_id text; GRANT UPDATE (parent_id) ON skills TO service_login
    """,
    "CREATE POLICY always_current_tenant ON users": "DROP POLICY always_current_tenant ON users",
}


def left_by_guides(page: str) -> list[Block]:
    if page == "docs/reference.md":  # generated; compared by test_generated.py
        return []
    run = GUIDES.get(page, set())
    return [block for block in blocks(page) if not {block.text, block.words} & run]


def to_run(page: str) -> list[Block]:
    elsewhere = tuple(begin for where, begin, _, _ in ELSEWHERE if where == page)
    return [block for block in left_by_guides(page) if not block.text.startswith(elsewhere)]


class Story:
    """Runs blocks, and remembers what the last one printed."""

    def __init__(self, server: Server, request: pytest.FixtureRequest) -> None:
        self.request = request
        self.port = str(server.settings["port"])
        self.superuser = server.conninfo("app")
        self.output: str | None = None
        self.listening: subprocess.Popen[str] | None = None

    def run(self, block: Block) -> None:
        if block.language == "text":
            self.compare(block.text)
            return
        for word, statements in NEEDS.items():
            if word in block.text:
                with psycopg.connect(self.superuser) as superuser:
                    superuser.execute(statements.encode())
        text = block.text.replace("127.0.0.1:25432/skill_messages", f"127.0.0.1:{self.port}/app")
        match block.language, block.words:
            case "sql", login if login:
                # The database app may be what the block makes.
                database = "postgres" if "CREATE DATABASE" in text else "app"
                options = ["-P", "footer=off", "-v", "SHOW_CONTEXT=never"]
                self.output = self.printed(
                    ["psql", "-Xq", *options, "-U", login, "-d", database], text
                )
            case "python", "":
                self.output = self.printed([sys.executable, "-"], text)
            case "python", "background":
                self.listening = self.started([sys.executable, "-c", text])
                wait_until(self.somebody_listens)
            case "js", "":
                script = self.request.getfixturevalue("program").with_name("block.js")
                script.write_text(text)
                self.output = self.printed(["node", str(script)])
            case "console", "" if text.startswith("$ python -m skill_messages dev"):
                self.output = self.dev()
            case "console", user:
                commands = re.sub(r"^\$ ", "", text, flags=re.MULTILINE).replace("@host/", "@/")
                self.output = self.printed(["bash", "-e"], commands, user or "postgres")
            case _:
                raise AssertionError("nobody runs a block of this kind")

    def compare(self, text: str) -> None:
        assert self.output is not None, "this is the output of no block"
        if self.listening:
            self.output += self.listening.communicate(timeout=60)[0]
            self.listening = None
        there = iter(paragraphs(self.output))
        for paragraph in paragraphs(text):
            assert any(fits(found, paragraph) for found in there), (
                f"{paragraph}\nnot in\n{self.output}"
            )
        self.output = None

    def is_compared(self) -> None:
        """An error that the page does not show was not meant."""
        assert "ERROR: " not in (self.output or ""), self.output

    def started(self, command: list[str], user: str = "postgres") -> subprocess.Popen[str]:
        where = {"PGHOST": "127.0.0.1", "PGPORT": self.port, "PGUSER": user}
        where["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=sqitch_command("", "")["env"] | where,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def printed(self, command: list[str], text: str = "", user: str = "postgres") -> str:
        process = self.started(command, user)
        output, _ = process.communicate(text, timeout=120)
        # The server that runs the tests may be an older one, of which `check` warns.
        warnings = re.findall(r"^WARNING +(\w+)", output, re.MULTILINE)
        assert process.returncode == 0 or warnings == ["server"], output
        return output

    def dev(self) -> str:
        """What `dev` prints until it serves; on another port, where the usual one is in use."""
        lines = []
        with self.started([sys.executable, "-m", "skill_messages", "dev"]) as process:
            for line in process.stdout or ():
                lines.append(line)
                if line.startswith("Ctrl-C"):
                    process.terminate()
        assert process.returncode == 0, lines
        return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:25432", "".join(lines))

    def somebody_listens(self) -> bool:
        with psycopg.connect(self.superuser) as superuser:
            query = "SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'"
            return superuser.execute(query).rowcount > 0


def paragraphs(text: str) -> list[str]:
    """As psql prints them: a table, or an error with its hint."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    apart = re.sub(r"^(ERROR: .*(?:\n(?:DETAIL|HINT): .*)*)$", r"\n\1\n", lines, flags=re.MULTILINE)
    return [part.strip("\n") for part in re.split(r"\n{2,}", apart) if part.strip()]


def fits(found: str, shown: str) -> bool:
    return re.fullmatch(re.escape(shown).replace("…", ".*"), found, re.DOTALL) is not None


@pytest.fixture(scope="module")
def developed() -> Iterator[Server]:
    """A server with the schema, logins and data of `dev`."""
    with Server() as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as superuser:
            superuser.execute("CREATE ROLE owner LOGIN CREATEROLE")
            superuser.execute("CREATE DATABASE developed OWNER owner")
        with psycopg.connect(server.conninfo("developed", "owner"), autocommit=True) as owner:
            owner.execute((ROOT / "sql/skill_messages.sql").read_bytes())
            owner.execute(LOGIN_ROLES + "GRANT skill_messages_service TO owner")
            owner.execute((ROOT / "sql/demo.sql").read_bytes())
        yield server


@pytest.fixture
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    if request.node.callspec.params["page"] in FROM_NOTHING:
        with Server() as server:
            yield Story(server, request)
        return
    server = request.getfixturevalue("developed")
    with psycopg.connect(server.conninfo(), autocommit=True) as superuser:
        superuser.execute("CREATE DATABASE app TEMPLATE developed OWNER owner")
        yield Story(server, request)
        superuser.execute("DROP DATABASE app WITH (FORCE)")


@pytest.mark.parametrize("page", [page for page in FILES if to_run(page)])
def test_every_block_of_the_page(page: str, story: Story) -> None:
    for block in to_run(page):
        try:
            if block.language != "text":
                story.is_compared()
            story.run(block)
        except AssertionError as error:
            raise AssertionError(f"{page}, line {block.line}: {error}") from error
    story.is_compared()
    assert story.listening is None, "what it prints is not shown"


@pytest.mark.parametrize(("page", "begin", "where", "words"), ELSEWHERE)
def test_what_is_run_elsewhere_is_there(page: str, begin: str, where: str, words: str) -> None:
    assert [block.text.startswith(begin) for block in left_by_guides(page)].count(True) == 1
    assert words in (ROOT / where).read_text()
