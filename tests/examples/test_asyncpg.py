"""What docs/asyncpg.md says beside its program, which test_blocks.py runs: times, and PgBouncer."""

import asyncio
import json
import re
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from tests.conftest import Database, wait_until
from tools.server import ROOT


@pytest.fixture
def page() -> SimpleNamespace:
    """The functions of the page."""
    text = (ROOT / "docs" / "asyncpg.md").read_text()
    [program] = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    functions: dict[str, Any] = {}
    exec(program, functions)  # noqa: S102
    return SimpleNamespace(**functions)


def run(work: Any, database: Database, port: int | None = None, **options: Any) -> Any:
    """Give work a pool of app_login."""

    async def with_pool() -> Any:
        where = {"host": "127.0.0.1", "port": port or database.server.settings["port"]}
        login = {"database": database.name, "user": "app_login", "min_size": 1}
        async with asyncpg.create_pool(**where, **login, **options) as pool:
            return await work(pool)

    return asyncio.run(with_pool())


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_pages_are_exact(database: Database, page: SimpleNamespace, zone: str) -> None:
    """Two messages of each millisecond, by pages of three."""
    start = datetime(2026, 10, 25, 0, 59, 59, 999000, tzinfo=timezone.utc)
    with database.connect() as connection:
        connection.cursor().executemany(
            "INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id,"
            " subject_skill_id, message, created_at)"
            " VALUES (%s, 'acme', 'ann', 'bob', 'sql', 'Hello', %s)",
            [(f"m{n}", start + timedelta(milliseconds=n // 2)) for n in range(10)],
        )

    async def read(pool: Any) -> list[Any]:
        async with page.acting_for(pool, "acme", "bob") as connection:
            read: list[Any] = []
            while page_of_three := await page.inbox(connection, 3, *read[-1:]):
                read += page_of_three
            return read

    messages = run(read, database, server_settings={"TimeZone": zone})
    assert [message["id"] for message in messages] == [f"m{n}" for n in reversed(range(10))]
    assert messages[-1]["created_at"] == start


def test_an_export_is_text(database: Database, page: SimpleNamespace) -> None:
    async def export(pool: Any) -> Any:
        async with page.acting_for(pool, "acme", "ann") as connection:
            await page.send(connection, "ann", "bob", "sql", "Hello", None, "m1")
            return await connection.fetchval("SELECT * FROM export_user_messages()")

    assert json.loads(run(export, database))["id"] == "m1"


@pytest.mark.parametrize("cache", [0, 100])
def test_behind_pgbouncer(
    database: Database, pgbouncer: int, page: SimpleNamespace, cache: int
) -> None:
    """The server's connection is another one from transaction to transaction, as is usual there."""

    async def send(pool: Any) -> list[Any]:
        async def one(number: int) -> Any:
            async with page.acting_for(pool, "acme", "ann") as connection:
                return await page.send(connection, "ann", "bob", "sql", "Hello", None, f"m{number}")

        sent: list[Any] = []
        for number in range(3):
            sent += await asyncio.gather(one(number), return_exceptions=True)
            disconnect(database)
        return sent

    sent = run(send, database, pgbouncer, statement_cache_size=cache, max_size=1)
    if cache:
        assert any(isinstance(one, asyncpg.InvalidSQLStatementNameError) for one in sent)
    else:
        assert sent == ["m0", "m1", "m2"]


def disconnect(database: Database) -> None:
    """End the pooler's connection to the server, which it then replaces."""
    with database.connect() as superuser:
        of_login = "FROM pg_stat_activity WHERE usename = 'app_login'"
        superuser.execute(f"SELECT pg_terminate_backend(pid) {of_login}".encode())
        wait_until(lambda: not superuser.execute(f"SELECT {of_login}".encode()).rowcount)
