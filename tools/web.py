"""The page of examples/fastapi on the development server; its address is printed."""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psycopg
import uvicorn

from skill_messages import SkillMessages
from tools.demo.story import PROPOSALS

TEXT = """\
The page:      http://127.0.0.1:{port}/
Its database:  {url}

Open the page in two windows, one of them private. Sign in as two people of one tenant.
Ctrl-C stops page and database."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help="default: 8000, or a free one if it is taken")
    asked = parser.parse_args().port
    # So that everything below ends as it does on Ctrl-C.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit())
    with suppress(KeyboardInterrupt), development_server() as url, closing(opened(asked)) as door:
        prepare(url)
        app_url = url.format("app_login")
        os.environ["DATABASE_URL"] = app_url
        from examples.fastapi.app.main import app

        print(TEXT.format(port=door.getsockname()[1], url=app_url), flush=True)
        PageServer(uvicorn.Config(app, log_level="warning")).run(sockets=[door])
    return 0


class PageServer(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Waits for every answer to end, which the stream of an open page does not by itself."""
        self.config.app.state.hub.close()  # type: ignore[union-attr]
        await super().shutdown(sockets)


@contextmanager
def development_server() -> Iterator[str]:
    """The URL of its logins, with {} for the name."""
    with closing(opened(0)) as door:
        port = door.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "skill_messages", "dev", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the page, which needs its database to the end
    ) as server:
        try:
            assert server.stdout
            printed = ""
            for line in server.stdout:
                printed += line
                if line.startswith("Ctrl-C stops"):
                    break
            if not (found := re.search(r"^  (postgresql://)app_login(@\S+)", printed, re.M)):
                raise SystemExit("The development server did not start.")
            yield "{}".join(found.groups())
        finally:
            server.terminate()


def opened(asked: int | None) -> socket.socket:
    """A socket that browsers can connect to before the application has started."""
    try:
        return socket.create_server(("127.0.0.1", 8000 if asked is None else asked))
    except OSError:
        if asked is not None:
            raise SystemExit(f"Port {asked} is in use: choose another one.") from None
        return socket.create_server(("127.0.0.1", 0))


def prepare(url: str) -> None:
    """Live news, and something to read."""
    with psycopg.connect(url.format("owner"), autocommit=True) as owner:
        owner.execute("SELECT public.switch_skill_message_notifications(true)")
    with psycopg.connect(url.format("app_login"), autocommit=True) as app:
        for tenant, sender, recipient, subject, parent, text in PROPOSALS[1:]:
            client = SkillMessages(app, tenant_id=f"demo-{tenant}", user_id=f"demo-{sender}")
            client.send_skill_message(
                f"demo-{sender}", f"demo-{recipient}", f"demo-{subject}", text, f"demo-{parent}"
            )


if __name__ == "__main__":
    sys.exit(main())
