"""A TCP proxy that delivers every chunk, in either direction, a fixed time after it came in.

python delay_proxy.py TARGET_PORT SECONDS; prints the port it listens on.
"""

import asyncio
import contextlib
import selectors
import subprocess
import sys
from collections.abc import Iterator


async def forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    while chunk := await reader.read(1 << 16):
        loop.call_later(seconds, writer.write, chunk)
    loop.call_later(seconds, writer.close)


async def serve(target_port: int, seconds: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", target_port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(
                forward(reader, target_writer, seconds), forward(target_reader, writer, seconds)
            )

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def delayed(target_port: int, seconds: float) -> Iterator[int]:
    """The port of such a proxy, in a process of its own."""
    command = [sys.executable, __file__, str(target_port), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


if __name__ == "__main__":
    # select() waits with microseconds; epoll, asyncio's usual choice, rounds up to milliseconds.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(serve(int(sys.argv[1]), float(sys.argv[2])))
