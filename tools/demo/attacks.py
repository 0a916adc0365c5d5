"""What others try, and what the database answers."""

from collections.abc import Callable

import psycopg
from typing_extensions import LiteralString

from skill_messages import Message, SkillMessages
from tools.demo.screen import chapter, table
from tools.demo.story import Story


def attack(story: Story, decided: Message) -> bool:
    """Whether every attempt was refused as it should be."""
    chapter("Others try to interfere: each answer is the database's own")
    maya, jonas = story.client("maya"), story.client("jonas")
    odile = story.client("odile", "crumb")
    nobody = SkillMessages(story.app, tenant_id="")

    def in_odiles_transaction() -> object:
        with story.app.transaction():
            odile.get_unread_count_for_user()
            return len(maya.get_messages_from_user())

    def sql(statement: LiteralString, tenant: str, user: str) -> Callable[[], object]:
        def run() -> object:
            with story.app.transaction():
                context = "SELECT public.set_skill_message_context(%s, %s)"
                story.app.execute(context, [tenant, user])
                return story.app.execute(statement, [decided.id]).rowcount

        return run

    forged: LiteralString = (
        "INSERT INTO skill_messages"
        " (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)"
        " VALUES ('demo-forged-' || %s, 'demo-harbor', 'demo-odile', 'demo-jonas',"
        " 'demo-explain', 'Hello')"
    )
    attempts: list[tuple[str, str, Callable[[], object], object]] = [
        (
            "Odile of Crumb & Crust",
            "reads Harbor's messages",
            sql(
                "SELECT FROM skill_messages WHERE tenant_id = 'demo-harbor' AND %s <> ''",
                "demo-crumb",
                "demo-odile",
            ),
            0,
        ),
        (
            "Odile",
            "guesses the id of Jonas's message and marks it read",
            lambda: odile.mark_message_read(decided.id),
            "SM002",
        ),
        (
            "Odile",
            "accepts it",
            lambda: odile.update_message_status(decided.id, "accepted"),
            "SM002",
        ),
        (
            "Odile",
            "updates it directly",
            sql(
                "UPDATE skill_messages SET status = 'declined' WHERE id = %s",
                "demo-crumb",
                "demo-odile",
            ),
            0,
        ),
        (
            "Odile",
            "inserts into Harbor's inbox directly",
            sql(forged, "demo-crumb", "demo-odile"),
            "42501",
        ),
        (
            "Odile",
            "writes to a user of Harbor",
            lambda: odile.send_skill_message("demo-odile", "demo-jonas", "demo-starter", "Hello"),
            "23503",
        ),
        (
            "Maya",
            "opens Jonas's inbox",
            lambda: maya.get_messages_for_user("demo-jonas"),
            "42501",
        ),
        (
            "Maya",
            "sends in Jonas's name",
            lambda: maya.send_skill_message("demo-jonas", "demo-tomas", "demo-explain", "Hello"),
            "42501",
        ),
        (
            "Maya",
            "accepts her own proposal",
            lambda: maya.update_message_status(decided.id, "accepted"),
            "SM002",
        ),
        (
            "Maya",
            "rewrites what she sent",
            sql(
                "UPDATE skill_messages SET message = 'Pay me' WHERE id = %s",
                "demo-harbor",
                "demo-maya",
            ),
            "42501",
        ),
        (
            "Jonas",
            "decides a second time",
            lambda: jonas.update_message_status(decided.id, "declined"),
            "SM003",
        ),
        (
            "Jonas",
            "deletes it",
            sql("DELETE FROM skill_messages WHERE id = %s", "demo-harbor", "demo-jonas"),
            "42501",
        ),
        (
            "Maya's client",
            "is used, by mistake, in a transaction of Odile's",
            in_odiles_transaction,
            "SM005",
        ),
        (
            "Code that forgot the context",
            "reads the whole table",
            lambda: story.app.execute("SELECT FROM skill_messages").rowcount,
            0,
        ),
        (
            "Code that forgot the context",
            "calls a function",
            lambda: nobody.mark_message_read(decided.id),
            "SM001",
        ),
    ]

    rows: list[tuple[object, ...]] = []
    held = True
    for who, what, attempt, expected in attempts:
        try:
            outcome = attempt()
            answer = f"{outcome} rows"
        except psycopg.Error as error:
            outcome = error.sqlstate
            answer = f"{error.sqlstate}: {error.diag.message_primary}"
        held &= outcome == expected
        rows.append((who, what, answer if outcome == expected else f"[red]{answer}"))
    table("Attacks", "who", "tries", "the database answers", rows=rows)
    return held
