"""Who is signed in, and the client that acts for them.

A real application has its own sign-in. What matters here: the tenant and the user come from the
session, which this server signed, and from nothing else in a request.
"""

import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

import psycopg
from fastapi import Depends, Form, HTTPException, Request

from skill_messages import AsyncSkillMessages, ContextMissingError


async def connection(request: Request) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with request.app.state.pool.connection() as connection:
        yield connection


# Back in the pool before the answer is sent, however slow the reader.
Connection = Annotated[psycopg.AsyncConnection[Any], Depends(connection, scope="function")]


async def client(request: Request, connection: Connection) -> AsyncSkillMessages:
    """The operations on behalf of the signed-in user.

    Nobody signed in means no tenant. PostgreSQL refuses every operation then, with SM001.
    """
    session = request.session
    return AsyncSkillMessages(
        connection, tenant_id=session.get("tenant_id", ""), user_id=session.get("user_id")
    )


Client = Annotated[AsyncSkillMessages, Depends(client)]


async def me(request: Request) -> str:
    """The signed-in user's id, for what does not ask PostgreSQL.

    Raises:
        ContextMissingError: Nobody is signed in.
    """
    if "user_id" not in request.session:
        raise ContextMissingError("nobody is signed in")
    return str(request.session["user_id"])


Me = Annotated[str, Depends(me)]


def csrf_token(request: Request) -> str:
    """The secret that every form of this session carries, and that no other site knows."""
    return str(request.session.setdefault("csrf", secrets.token_urlsafe()))


async def check_csrf_token(request: Request, csrf: Annotated[str, Form()] = "") -> None:
    if not secrets.compare_digest(csrf.encode(), csrf_token(request).encode()):
        raise HTTPException(403, "This form is out of date. Please go back and try again.")


Checked = Depends(check_csrf_token)
