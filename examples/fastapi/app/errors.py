"""What a refusal looks like: one shape in the API, one page for people."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from skill_messages import SkillMessageError

from .page import error_page

log = logging.getLogger(__name__)


async def answer(request: Request, status: int, text: str, sqlstate: str | None = None) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": text, "sqlstate": sqlstate}, status)
    return await error_page(request, status, text)


def handle_errors(app: FastAPI) -> None:
    @app.exception_handler(SkillMessageError)
    async def refused(request: Request, error: SkillMessageError) -> Response:
        """All that PostgreSQL refuses. The hint is for developers, so it stays in the log."""
        log.warning("%s: %s Hint: %s", error.sqlstate, error, error.hint)
        return await answer(request, error.http_status, error.user_message, error.sqlstate)

    @app.exception_handler(RequestValidationError)
    async def not_valid(request: Request, error: RequestValidationError) -> Response:
        # FastAPI's own answer repeats what was sent, and fails where that is not UTF-8.
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return await answer(request, 422, f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def others(request: Request, error: HTTPException) -> Response:
        response = await answer(request, error.status_code, error.detail)
        response.headers.update(error.headers or {})
        return response
