"""The JSON API.

Another site cannot write by it in a visitor's name. The session's cookie is SameSite=Lax, and every
write is a PUT or needs JSON, which no form of another site can send.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from skill_messages import Message, NamedMessage

from .session import Client, Me


class Page(BaseModel):
    messages: list[NamedMessage]
    next: str | None = Field(description="The `before` of the next page. Null on the last one.")


class NewMessage(BaseModel):
    to_user_id: str
    subject_skill_id: str
    message: str
    proposed_parent_skill_id: str | None = None
    id: str | None = Field(None, description="Give one, and sending it again is safe.")


class Sent(BaseModel):
    id: str


class Unread(BaseModel):
    unread: int


class Marked(BaseModel):
    marked: int


class Read(BaseModel):
    read_at: datetime


class Refusal(BaseModel):
    detail: str = Field(description="What to show to a person.")
    sqlstate: str | None


router = APIRouter(
    prefix="/api",
    tags=["messages"],
    responses={status: {"model": Refusal} for status in (401, 403, 404, 409, 422, 503)},
)


@router.get("/inbox")
async def get_inbox(client: Client, max_messages: int = 50, before: str | None = None) -> Page:
    """What the signed-in user received, newest first."""
    page = await client.get_named_messages_for_user(max_messages=max_messages, before=before)
    return Page(messages=page, next=page.next)


@router.get("/sent")
async def get_sent(client: Client, max_messages: int = 50, before: str | None = None) -> Page:
    """What the signed-in user sent, newest first."""
    page = await client.get_named_messages_from_user(max_messages=max_messages, before=before)
    return Page(messages=page, next=page.next)


@router.get("/unread")
async def get_unread_count(client: Client, at_most: int | None = None) -> Unread:
    return Unread(unread=await client.get_unread_count_for_user(at_most=at_most))


@router.post("/messages", status_code=201)
async def send_message(new: NewMessage, client: Client, me: Me) -> Sent:
    return Sent(id=await client.send_skill_message(me, **new.model_dump()))


@router.post("/messages/read")
async def mark_messages_read(
    message_ids: Annotated[list[str], Body(embed=True)], client: Client
) -> Marked:
    """Marks these as read, at most 1000; ``marked`` says how many were unread."""
    return Marked(marked=await client.mark_messages_read(message_ids=message_ids))


# An id that a caller chose may have a slash in it.
@router.put("/messages/{message_id:path}/read")
async def mark_message_read(message_id: str, client: Client) -> Read:
    return Read(read_at=await client.mark_message_read(message_id))


@router.put("/messages/{message_id:path}/status")
async def update_message_status(
    message_id: str,
    status: Annotated[Literal["accepted", "declined"], Body(embed=True)],
    client: Client,
) -> Message:
    """Accepts or declines it, once."""
    return await client.update_message_status(message_id, status)


@router.get("/messages/{message_id:path}")
async def get_message(message_id: str, client: Client) -> NamedMessage:
    return await client.get_skill_message(message_id)
