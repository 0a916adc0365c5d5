"""The pages: HTML from templates, plain forms, and a few lines of JavaScript for live news."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

import psycopg
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from markupsafe import Markup

from skill_messages import AlreadyDecidedError, AsyncSkillMessages, SkillMessageError

from . import people
from .session import Checked, Client, Connection, Me, csrf_token

PAGE_SIZE = 20
BADGE = 100  # from here on it shows 99+, so it counts no further

Text = Annotated[str, Form()]

router = APIRouter(include_in_schema=False)


def frame(request: Request) -> dict[str, Any]:
    field = Markup('<input type="hidden" name="csrf" value="{}">').format(csrf_token(request))
    return {"session": request.session, "csrf_field": field}


def ago(time: datetime) -> str:
    """How long ago, in words that need no time zone."""
    seconds = (datetime.now(timezone.utc) - time).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 86400:
        return f"{seconds // 3600:.0f} h ago"
    return f"{time.astimezone(timezone.utc):%d %b %Y}"


# Templates of this suffix are escaped: a message is text, whatever it looks like.
templates = Jinja2Templates(Path(__file__).with_name("templates"), context_processors=[frame])
templates.env.filters["ago"] = ago


def render(request: Request, name: str, status: int = 200, **values: Any) -> Response:
    return templates.TemplateResponse(request, f"{name}.html", values, status)


def see(address: str) -> Response:
    """After a form: the next page, which can be loaded again without sending the form again."""
    return RedirectResponse(address, status_code=303)


@router.get("/sign-in")
async def sign_in_page(request: Request, connection: Connection) -> Response:
    tenants = await people.demo_tenants(connection)
    return render(request, "sign_in", tenants=tenants)


@router.post("/sign-in", dependencies=[Checked])
async def sign_in(
    request: Request, connection: Connection, tenant_id: Text, user_id: Text
) -> Response:
    for tenant in await people.demo_tenants(connection):
        for user in tenant.users:
            if (tenant.id, user.id) == (tenant_id, user_id):
                request.session.clear()  # a new token for a new session
                request.session.update(
                    tenant_id=tenant.id,
                    user_id=user.id,
                    user_name=user.name,
                    tenant_name=tenant.name,
                )
                return see("/")
    raise HTTPException(422, "There is no such demo user.")


@router.post("/sign-out", dependencies=[Checked])
async def sign_out(request: Request) -> Response:
    request.session.clear()
    return see("/sign-in")


@router.get("/")
async def inbox(request: Request, client: Client, before: str | None = None) -> Response:
    page = await client.get_named_messages_for_user(max_messages=PAGE_SIZE, before=before)
    unread = await client.get_unread_count_for_user(at_most=BADGE)
    return render(request, "inbox", page=page, before=before, unread=unread)


@router.get("/sent")
async def sent(request: Request, client: Client, before: str | None = None) -> Response:
    page = await client.get_named_messages_from_user(max_messages=PAGE_SIZE, before=before)
    unread = await client.get_unread_count_for_user(at_most=BADGE)
    return render(request, "sent", page=page, before=before, unread=unread)


@router.post("/read", dependencies=[Checked])
async def mark_read(
    client: Client,
    message_ids: Annotated[list[str] | None, Form()] = None,
    before: str | None = None,
) -> Response:
    """Exactly what was on the screen: what came in since then stays unread."""
    await client.mark_messages_read(message_ids=message_ids or [])
    return see(f"/?{urlencode({'before': before})}" if before else "/")


# The id is no part of the path: one that a caller chose may be "..".
@router.get("/message")
async def message(request: Request, client: Client, id: str) -> Response:
    return await show_message(request, client, id)


@router.post("/message", dependencies=[Checked])
async def decide(
    request: Request,
    client: Client,
    id: str,
    status: Annotated[Literal["accepted", "declined"], Form()],
) -> Response:
    try:
        # What an application does with a decision goes into one transaction with this call.
        await client.update_message_status(id, status)
    except AlreadyDecidedError as error:
        return await show_message(request, client, id, error)
    return see(f"/message?{urlencode({'id': id})}")


async def show_message(
    request: Request, client: AsyncSkillMessages, id: str, error: SkillMessageError | None = None
) -> Response:
    message = await client.get_skill_message(id)
    mine = message.to_user_id == request.session["user_id"]
    if mine and not message.read_at:
        message.read_at = await client.mark_message_read(id)
    unread = await client.get_unread_count_for_user(at_most=BADGE)
    status = error.http_status if error else 200
    values = {"message": message, "mine": mine, "unread": unread, "error": error}
    return render(request, "message", status, **values)


@router.get("/propose")
async def propose(request: Request, client: Client, connection: Connection, me: Me) -> Response:
    return await show_form(request, client, connection, me, {})


@router.post("/propose", dependencies=[Checked])
async def send(
    request: Request,
    client: Client,
    connection: Connection,
    me: Me,
    id: Text = "",
    to_user_id: Text = "",
    subject_skill_id: Text = "",
    proposed_parent_skill_id: Text = "",
    message: Text = "",
) -> Response:
    try:
        await client.send_skill_message(
            me,
            to_user_id,
            subject_skill_id,
            message.replace("\r\n", "\n"),  # as browsers send line ends
            proposed_parent_skill_id or None,
            id or None,
        )
    except SkillMessageError as error:
        if error.http_status not in (409, 422):
            raise
        typed = {
            "to_user_id": to_user_id,
            "subject_skill_id": subject_skill_id,
            "proposed_parent_skill_id": proposed_parent_skill_id,
            "message": message,
        }
        return await show_form(request, client, connection, me, typed, error)
    return see("/sent")


async def show_form(
    request: Request,
    client: AsyncSkillMessages,
    connection: psycopg.AsyncConnection[Any],
    me: str,
    typed: dict[str, str],
    error: SkillMessageError | None = None,
) -> Response:
    async with connection.transaction():
        # This call sets the context. It holds for the whole transaction.
        unread = await client.get_unread_count_for_user(at_most=BADGE)
        users = [user for user in await people.users(connection) if user.id != me]
        skills = await people.skills(connection)
    values = {"users": users, "skills": skills, "unread": unread, "typed": typed, "error": error}
    # With an id from here, a form that is sent twice is one message.
    status = error.http_status if error else 200
    return render(request, "propose", status, id=uuid4(), **values)


async def error_page(request: Request, status: int, text: str) -> Response:
    """For the handlers of errors; who is not signed in gets the sign-in."""
    if status == 401:
        async with request.app.state.pool.connection() as connection:
            tenants = await people.demo_tenants(connection)
        return render(request, "sign_in", status, tenants=tenants)
    return render(request, "error", status, text=text)
