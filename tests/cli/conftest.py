"""The server of `dev`, while it runs, and what it prints."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

# A job in the background of a shell ignores SIGINT, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Dev:
    process: subprocess.Popen[str]
    printed: str

    def url(self, login: str) -> str:
        [url] = re.findall(rf"^  (postgresql://{login}@\S+)$", self.printed, re.MULTILINE)
        return str(url)

    def pasted(self, program: str, **environment: str) -> str:
        """What another terminal shows after the snippet for a program was pasted."""
        here_document = rf"^(?:\S*/)?{program} [^\n]*<<'END'\n.*?\nEND$"
        [snippet] = re.findall(here_document, self.printed, re.MULTILINE | re.DOTALL)
        shell = ["/bin/sh", "-c", snippet]
        done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def stop(self, how: signal.Signals = signal.SIGINT) -> str:
        """Its last words; the signal is for the whole group, as Ctrl-C in a terminal."""
        os.killpg(self.process.pid, how)
        rest, _ = self.process.communicate()
        return rest


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that the user can reach that root runs servers as."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def running(command: list[str], folder: Path, **environment: str) -> Iterator[Dev]:
    """What it makes, it makes in a folder; afterwards nothing is left of it."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o755)
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment | {"TMPDIR": str(temporary)},
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C stops"):
                break
        dev = Dev(process, "".join(lines))
        try:
            yield dev
        finally:
            if process.poll() is None:
                dev.stop()
    assert list(temporary.iterdir()) == []
    # At once: a server whose data are gone ends by itself, some time later.
    assert str(folder) not in subprocess.check_output(["ps", "-eww", "-o", "args"], text=True)


def into_closed_pipe(command: list[str], **environment: str) -> tuple[int, str]:
    """The exit code, and what is said on stderr, where nobody reads what is printed."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    return done.returncode, done.stderr


def count_messages(url: str) -> int:
    """How many the demo's recipient has."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM set_skill_message_context('demo-harbor', 'demo-jonas'),"
            " get_messages_for_user()"
        ).fetchone()
    assert row
    return int(row[0])
