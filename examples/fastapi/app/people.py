"""The application's own tables: who is there, and which skills. Not part of skill-messages."""

from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row

DEMO_TENANTS = ("demo-harbor", "demo-crumb", "demo-summit")


class Named(NamedTuple):
    id: str
    name: str


class Tenant(NamedTuple):
    id: str
    name: str
    users: list[Named]


async def users(connection: psycopg.AsyncConnection[Any]) -> list[Named]:
    """Of the tenant in the transaction's context, as everything here."""
    cursor = connection.cursor(row_factory=class_row(Named))
    await cursor.execute("SELECT id, name FROM public.users ORDER BY name")
    return await cursor.fetchall()


async def skills(connection: psycopg.AsyncConnection[Any]) -> list[Named]:
    cursor = connection.cursor(row_factory=class_row(Named))
    await cursor.execute("SELECT id, name FROM public.skills ORDER BY name")
    return await cursor.fetchall()


async def demo_tenants(connection: psycopg.AsyncConnection[Any]) -> list[Tenant]:
    """Those of sql/demo.sql, for the demo's sign-in. Each is read in a context of its own."""
    found: list[Tenant] = []
    for tenant_id in DEMO_TENANTS:
        async with connection.transaction():
            await connection.execute("SELECT public.set_skill_message_context(%s)", [tenant_id])
            cursor = connection.cursor(row_factory=class_row(Named))
            await cursor.execute("SELECT id, name FROM public.tenants")
            if tenant := await cursor.fetchone():
                found.append(Tenant(*tenant, await users(connection)))
    return found
