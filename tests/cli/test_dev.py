"""`dev`, from a clone: what it prints works as printed, and it leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.cli.conftest import Dev, count_messages, into_closed_pipe, running
from tests.conftest import wait_until
from tools.server import ROOT

COMMAND = [sys.executable, "-m", "skill_messages", "dev"]
HERE = dict(os.environ)


def refused(*arguments: str, **environment: str) -> str:
    """The one line of an error."""
    done = subprocess.run(
        [*COMMAND, *arguments], env=HERE | environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("Error: ")
    return done.stderr


def test_make_dev_and_paste(folder: Path) -> None:
    # Not with the ARGS of the make that runs this.
    here = {name: HERE[name] for name in HERE if name != "ARGS" and not name.startswith("MAKE")}
    with running(["make", "-C", str(ROOT), "dev"], folder, **here) as dev:
        by_python = dev.pasted("python", **HERE).splitlines()
        assert by_python[0] == "Priya Raman wrote: One group? (pending)"
        assert by_python[-1] == "Now it is accepted"
        by_psql = dev.pasted("psql", **HERE | {"PSQLRC": os.devnull})
        assert "Tomás Herrera" in by_psql
        assert "demo-explain     | demo-pg-tuning           | accepted" in by_psql
        assert count_messages(dev.url("app_login")) == 3
        assert dev.stop().endswith("Stopped. Nothing is left.\n")


@pytest.fixture(scope="module")
def dev() -> Iterator[Dev]:
    """For what only looks at it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        with running(COMMAND, Path(name), **HERE) as dev:
            yield dev


def test_it_tells_the_story(dev: Dev) -> None:
    story = dev.printed.partition("For development only")[0]
    parts = [
        "Maya Okafor: Shall I go under yours? (pending)",
        "demo-slow-postgres under demo-pg-tuning: accepted",
        'SM003: message_id "m1": already accepted or declined',
        'SM002: message_id "m1": no such message',
        "  Odile  get_messages_for_user()\n           []\n",
    ]
    assert [part for part in parts if part not in story] == []


def test_each_login_has_its_role_and_no_more(dev: Dev) -> None:
    query = """
        SELECT r.rolsuper, ARRAY(
            SELECT p.rolname::text FROM pg_roles AS p
            WHERE p.rolname LIKE 'skill_messages%' AND pg_has_role(r.oid, p.oid, 'USAGE')
        )
        FROM pg_roles AS r WHERE r.rolname = current_user
    """
    logins = {
        "app_login": ["skill_messages_app"],
        "service_login": ["skill_messages_service"],
        "retention_login": ["skill_messages_retention"],
        "owner": ["skill_messages_service"],
    }
    for login, roles in logins.items():
        with psycopg.connect(dev.url(login)) as connection:
            assert connection.execute(query).fetchone() == (False, roles)
    url = dev.url("owner").replace("owner", "postgres")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(url)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it(folder: Path, how: signal.Signals) -> None:
    with running(COMMAND, folder, **HERE) as dev:
        assert dev.stop(how) == "Stopped. Nothing is left.\n"
        assert dev.process.returncode == 0


def test_ctrl_c_while_it_starts_leaves_nothing(folder: Path) -> None:
    with subprocess.Popen(
        COMMAND,
        env=HERE | {"TMPDIR": str(folder)},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        wait_until(lambda: list(folder.glob("*/data/PG_VERSION")))
        os.killpg(process.pid, signal.SIGINT)
        printed, _ = process.communicate()
    assert (process.returncode, printed) == (0, "Stopped. Nothing is left.\n")
    assert list(folder.iterdir()) == []


def test_whoever_has_read_enough_may_close_the_pipe(folder: Path) -> None:
    assert into_closed_pipe(COMMAND, **HERE | {"TMPDIR": str(folder)}) == (0, "")
    assert list(folder.iterdir()) == []


def test_what_is_kept_is_there_next_time(folder: Path) -> None:
    kept = folder / "kept"
    command = [*COMMAND, "--keep", str(kept)]
    with running(command, folder, **HERE) as dev:
        dev.pasted("python", **HERE)
        busy = refused("--keep", str(kept), TMPDIR=str(folder))
        assert busy == f"Error: {kept} is in use by another server\n"
        assert dev.stop() == f"Stopped. The data stay in {kept}.\n"

    with running(command, folder, **HERE) as dev:
        assert f"The data of {kept} are as you left them." in dev.printed
        assert count_messages(dev.url("app_login")) == 2
        dev.pasted("python", **HERE)

    (kept / "data" / "PG_VERSION").write_text("9\n")
    assert f"{kept} holds data of PostgreSQL 9, and this " in refused("--keep", str(kept))
    (kept / "skill-messages-dev").write_text("0.1 of-old\n")
    assert f"{kept} holds another schema, of release 0.1, " in refused("--keep", str(kept))


def test_a_folder_of_somebody_elses_stays_as_it_is(folder: Path) -> None:
    (folder / "precious").touch()
    assert "is not empty, and dev did not make it" in refused("--keep", str(folder))
    assert [path.name for path in folder.iterdir()] == ["precious"]


def test_what_fails_while_it_starts_leaves_an_empty_folder(folder: Path) -> None:
    """A server that is found, and then does not start."""
    broken = folder / "bin"
    broken.mkdir()
    for name, line in {"initdb": "exit 0", "pg_ctl": "exit 0", "postgres": "exit 1"}.items():
        program = broken / name
        told = "[ $1 = --version ] && echo 'postgres (PostgreSQL) 18.6' && exit 0"
        program.write_text(f"#!/bin/sh\n{told}\n{line}\n")
        program.chmod(0o755)
    complaint = refused("--keep", str(folder / "kept"), "--pgbin", str(broken))
    assert "PostgreSQL ended with code 1" in complaint
    assert list((folder / "kept").iterdir()) == []


def test_a_port_that_is_taken(dev: Dev, folder: Path) -> None:
    port = urlsplit(dev.url("owner")).port
    assert f"port {port} is in use: choose another one" in refused("--port", str(port))
    with running(COMMAND, folder, **HERE) as second:
        assert urlsplit(second.url("owner")).port != port


def test_a_crash_of_the_server_is_told(folder: Path) -> None:
    with running(COMMAND, folder, **HERE | {"PYTHONUNBUFFERED": "1"}) as dev:
        [state] = (folder / "tmp").glob("*/data/postmaster.pid")
        os.kill(int(state.read_text().split()[0]), signal.SIGKILL)
        assert dev.process.wait() == 1


def test_a_server_that_is_too_old_is_refused(folder: Path) -> None:
    for name in ("initdb", "pg_ctl", "postgres"):
        (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.20'\n")
        (folder / name).chmod(0o755)
    assert f"15 or newer is needed, and {folder} has 14: " in refused("--pgbin", str(folder))
