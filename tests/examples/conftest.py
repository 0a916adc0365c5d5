"""The examples as a reader has them: a copy of the folder, and the commands of its README."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Database
from tools.server import ROOT, Server


@dataclass(frozen=True)
class Example:
    folder: Path
    server: Server

    @property
    def environment(self) -> dict[str, str]:
        """That of a reader who may do everything on the server, with this Python first."""
        python = Path(sys.executable).parent
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(self.server.settings["port"])}
        path = {"PATH": f"{python}:{os.environ['PATH']}", "PGUSER": "postgres"}
        return os.environ | where | path

    def run(self, command: str, *, fails: bool = False) -> str:
        """Run it in the folder; what it prints.

        Args:
            command: For a shell.
            fails: Whether it must.
        """
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def check(self, options: str) -> None:
        """The schema is the package's, and nothing is amiss but perhaps the server's age."""
        report = self.run(f"python -m skill_messages check {options} || true")
        assert re.search("^ok +functions: all", report, re.MULTILINE), report
        assert not re.search(r"^WARNING +(?!server)\S", report, re.MULTILINE), report

    def commands(self) -> list[str]:
        """Those of the README, but for those that install."""
        readme = (self.folder / "README.md").read_text()
        return re.findall(r"^\$ (?!pip install )(.+)$", readme, re.MULTILINE)


def copied(name: str, folder: Path, server: Server) -> Example:
    """A copy of an example."""
    strangers = shutil.ignore_patterns("__pycache__", "0002_skill_messages.sql", "node_modules")
    shutil.copytree(ROOT / "examples" / name, folder / name, ignore=strangers)
    return Example(folder / name, server)


@pytest.fixture(scope="module")
def demo(server: Server, template: str, names: Iterator[str]) -> Iterator[Database]:
    """A database with the demo's tenants, as `python -m skill_messages dev` has it."""
    database = Database(server, next(names))
    server.create_database(database.name, template)
    with database.connect() as connection:
        connection.execute((ROOT / "sql/demo.sql").read_bytes())
    yield database
    server.drop_database(database.name)
