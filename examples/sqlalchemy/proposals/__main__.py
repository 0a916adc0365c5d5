"""A proposal, sent by a session and answered by an asynchronous one."""

import asyncio

from sqlalchemy import create_engine, exc, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from .messages import ActingSession, decide, inbox, reason, send
from .models import Skill

URL = "postgresql+psycopg://app_login@/proposals"


def propose() -> None:
    engine = create_engine(URL)
    with ActingSession(engine, info={"acts_for": ("harbor", "maya")}) as session, session.begin():
        text = "Shall I go under yours?"
        session.execute(send("maya", "jonas", "slow-postgres", text, "explain", "m1"))
    engine.dispose()


async def accept() -> None:
    engine = create_async_engine(URL)
    info = {"acts_for": ("harbor", "jonas")}
    async with (
        AsyncSession(engine, sync_session_class=ActingSession, info=info) as session,
        session.begin(),
    ):
        for message in await session.scalars(inbox()):
            print(message.id, message.from_user_id, message.message)

        subject, parent = (await session.execute(decide("m1", "accepted"))).one()
        await session.execute(
            update(Skill)
            .where(Skill.tenant_id == "harbor", Skill.id == subject)
            .values(parent_id=parent)
        )
        print(subject, "goes under", parent)

        try:
            async with session.begin_nested():  # a savepoint: after an error the session goes on
                await session.execute(decide("m1", "declined"))
        except exc.DBAPIError as error:
            print(*reason(error))
    await engine.dispose()


propose()
asyncio.run(accept())
