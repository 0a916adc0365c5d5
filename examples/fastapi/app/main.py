"""The application: what it runs with, and what is true of every answer."""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from psycopg_pool import AsyncConnectionPool
from starlette.middleware.sessions import SessionMiddleware

from . import api, live, page
from .errors import handle_errors
from .headers import SecurityHeaders

DATABASE_URL = os.environ["DATABASE_URL"]  # a login with the role skill_messages_app
# Whoever knows it can sign in as anybody. A random one ends all sessions with the process.
SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe()
HTTPS_ONLY = os.environ.get("HTTPS_ONLY") == "1"  # set it wherever the site has HTTPS


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    # Autocommit: each call is a transaction of its own, and one round trip.
    pool = AsyncConnectionPool(DATABASE_URL, kwargs={"autocommit": True}, min_size=2, open=False)
    async with pool:
        await pool.wait()
        app.state.pool, app.state.hub = pool, live.Hub()
        # A connection of its own, for as long as the process lives.
        listening = asyncio.create_task(
            app.state.hub.run(lambda: psycopg.AsyncConnection.connect(DATABASE_URL))
        )
        yield
        app.state.hub.close()
        await listening


def route_name(route: object) -> str:
    return str(getattr(route, "name", ""))


app = FastAPI(
    title="Skill messages",
    version="1.0.0",
    lifespan=lifespan,
    generate_unique_id_function=route_name,
    # These pages load scripts from elsewhere, which the security headers forbid. There is
    # /openapi.json.
    docs_url=None,
    redoc_url=None,
)
app.add_middleware(SessionMiddleware, secret_key=SECRET_KEY, same_site="lax", https_only=HTTPS_ONLY)
app.add_middleware(SecurityHeaders)
handle_errors(app)
app.include_router(api.router)
app.include_router(live.router)
app.include_router(page.router)
app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
