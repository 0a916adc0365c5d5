"""What happens between the authors, each acting through a client of their own."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import psycopg

from skill_messages import Message, NewMessage, SkillMessages, listen
from tools.demo.screen import chapter, console, table

# tenant, sender, recipient, skill to group, skill to group it under, message
PROPOSALS = (
    (
        *("harbor", "maya", "jonas", "slow-postgres", "pg-tuning"),
        "Mine overlaps with your query tuning. Shall I go under yours?",
    ),
    (
        *("harbor", "tomas", "jonas", "explain", "pg-tuning"),
        "Plans are half of tuning: group mine as well?",
    ),
    (
        *("harbor", "priya", "jonas", "csv-tidy", "csv-clean"),
        "We both wrote about messy CSV files. One group?",
    ),
    (
        *("crumb", "kenji", "odile", "levain", "starter"),
        "A levain is a starter. Mine under yours?",
    ),
)


class Story:
    """What happens between the authors, each acting through a client of their own."""

    def __init__(
        self, app: psycopg.Connection[Any], admin: psycopg.Connection[Any], url: str
    ) -> None:
        self.app = app
        self.admin = admin
        self.url = url

    def client(self, name: str, tenant: str = "harbor") -> SkillMessages:
        return SkillMessages(self.app, tenant_id=f"demo-{tenant}", user_id=f"demo-{name}")

    def badge(self, name: str, tenant: str = "harbor") -> None:
        count = self.client(name, tenant).get_unread_count_for_user(f"demo-{name}", at_most=100)
        console.print(f"{name.title()}'s badge shows [bold]{count}[/bold].")

    def inbox(self, name: str, tenant: str = "harbor", page_size: int = 50) -> list[Message]:
        # Without names: a host has to grant those, and this one may not have.
        messages = list(self.client(name, tenant).iter_messages_for_user(page_size=page_size))
        table(
            f"{name.title()}'s inbox, {page_size} messages a page",
            *("page", "from", "skill to group", "under", "message", "read", "status"),
            rows=[
                (
                    number // page_size + 1,
                    m.from_user_id,
                    m.subject_skill_id,
                    m.proposed_parent_skill_id,
                    m.message,
                    f"{m.read_at:%H:%M:%S}" if m.read_at else "no",
                    m.status,
                )
                for number, m in enumerate(messages)
            ],
        )
        return messages

    def propose(self) -> None:
        chapter("Authors of two tenants propose to group skills that resemble one another")
        for number, proposal in enumerate(PROPOSALS, start=1):
            tenant, sender, recipient, subject, parent, text = proposal
            self.client(sender, tenant).send_skill_message(
                f"demo-{sender}",
                f"demo-{recipient}",
                f"demo-{subject}",
                text,
                f"demo-{parent}",
                id=f"demo-message-{number}",
            )
            console.print(f"{sender.title()} to {recipient.title()}: {text}")
            self.badge(recipient, tenant)

    def read_and_decide(self) -> Message:
        chapter("Jonas reads, accepts one, and groups the skills in the same transaction")
        jonas = self.client("jonas")
        for message in self.inbox("jonas", page_size=2):
            jonas.mark_message_read(message.id)
        self.badge("jonas")
        with self.app.transaction():
            decided = jonas.update_message_status("demo-message-1", "accepted")
            self.app.execute(
                "INSERT INTO demo_skill_groups VALUES (%s, %s)",
                [decided.subject_skill_id, decided.proposed_parent_skill_id],
            )
        self.inbox("jonas")
        groups = self.app.execute("SELECT skill_id, parent_skill_id FROM demo_skill_groups")
        table("Groups, in a table of the host", "skill", "under", rows=groups.fetchall())

        chapter("Odile, of Crumb & Crust Bakeries, declines")
        self.client("odile", "crumb").update_message_status("demo-message-4", "declined")
        self.inbox("odile", "crumb")
        return decided

    def propose_many(self) -> None:
        chapter("Maya proposes three groups at once; Jonas's application hears of it live")
        maya, jonas = self.client("maya"), self.client("jonas")
        batch: list[NewMessage] = [
            {
                "id": f"demo-message-{number}",
                "from_user_id": "demo-maya",
                "to_user_id": "demo-jonas",
                "subject_skill_id": f"demo-{subject}",
                "proposed_parent_skill_id": f"demo-{parent}",
                "message": "And these?",
            }
            for number, subject, parent in (
                (5, "explain", "slow-postgres"),
                (6, "csv-tidy", "csv-clean"),
                (7, "dashboards", "explain"),
            )
        ]
        events = listen(lambda: psycopg.connect(self.url), timeout=30)
        with ThreadPoolExecutor() as pool:
            heard = pool.submit(lambda: list(islice(events, len(batch))))
            listening = "SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            for _ in range(200):
                if self.admin.execute(listening).rowcount:
                    break
                time.sleep(0.05)
            ids = maya.send_skill_messages(batch)
            for event in heard.result():
                console.print(f"Heard: {event}")
        events.close()
        console.print(f"Sent in one round trip: {', '.join(ids)}\n")
        table(
            "Maya's sent box",
            *("to", "skill to group", "status", "read"),
            rows=[
                (m.to_user_id, m.subject_skill_id, m.status, "yes" if m.read_at else "no")
                for m in maya.iter_messages_from_user("demo-maya")
            ],
        )
        self.badge("jonas")
        marked = jonas.mark_messages_read("demo-jonas")
        console.print(f"He marks all as read: {marked} messages.")
        self.badge("jonas")
