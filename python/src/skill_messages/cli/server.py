"""A PostgreSQL server of one's own: how to make, start and stop it."""

import re
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .programs import ServerError, as_whom, hand_over, last_line, run, surroundings

# Below the ports that systems give to clients, and far from those that servers have by default.
PORT = 25432


def initialize(programs: Path, data: Path, access: str, statements: str) -> None:
    """Make the data of a server.

    Args:
        programs: The folder of its programs.
        data: An empty folder.
        access: Who may log in, as the lines of pg_hba.conf: its superuser, postgres, need not.
        statements: What the superuser does first, one statement a line.
    """
    hand_over(data)
    options = ["--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "--auth=trust"]
    done = run(programs / "initdb", "-D", data, *options)
    if done.returncode != 0:
        raise ServerError(f"initdb failed{as_whom()}: {last_line(done.stderr)}")
    (data / "pg_hba.conf").write_text(access)
    run(programs / "postgres", "--single", "-D", data, "postgres", text=statements)


class PortTakenError(ServerError):
    pass


@dataclass
class Server:
    programs: Path
    data: Path
    log: Path
    port: int
    process: "subprocess.Popen[Any]"

    def wait_until_ready(self) -> None:
        """As pg_ctl does: the server writes its state into a file, after its process id."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.check()
            with suppress(OSError):
                state = (self.data / "postmaster.pid").read_text().split()
                if state and state[0] == str(self.process.pid) and state[-1] == "ready":
                    return
            time.sleep(0.02)
        raise ServerError("PostgreSQL did not start within a minute")

    def check(self) -> None:
        """Raise, with the reason, if it has ended."""
        code = self.process.poll()
        if code is None:
            return
        log = self.log.read_text(errors="replace")
        if 'lock file "postmaster.pid" already exists' in log:
            raise ServerError(f"{self.data.parent} is in use by another server")
        if "Address already in use" in log:
            raise PortTakenError(
                f"port {self.port} is in use: choose another one, or leave out --port"
            )
        reasons = re.findall(r"(?:FATAL|PANIC):  (.*)", log)
        reason = reasons[-1] if reasons else last_line(log)
        raise ServerError(f"PostgreSQL ended with code {code}: {reason}")

    def stop(self) -> None:
        if self.process.poll() is None:
            run(self.programs / "pg_ctl", "stop", "-D", self.data, "-m", "fast")
        self.process.kill()
        self.process.wait()


@contextmanager
def started(
    programs: Path, data: Path, log: Path, port: int | None, fsync: str
) -> Generator[Server]:
    """The server while it runs, on 127.0.0.1 only.

    Args:
        programs: The folder of its programs.
        data: What `initialize` made.
        log: A file that need not exist.
        port: None for the usual one, or any that is free.
        fsync: "off" where a crash of the machine may lose the data.

    Raises:
        ServerError: It does not start.
    """

    def launch(port: int) -> Server:
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        options += ["-c", f"port={port}", "-c", f"fsync={fsync}"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(programs / "postgres"), "-D", str(data), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                **surroundings(),
            )
        return Server(programs, data, log, port, process)

    server = launch(port or PORT)
    try:
        try:
            server.wait_until_ready()
        except PortTakenError:
            if port:
                raise
            server = launch(any_port())
            server.wait_until_ready()
        yield server
    finally:
        server.stop()


def any_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
