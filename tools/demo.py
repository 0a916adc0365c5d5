"""Authors of three tenants propose, read, accept and decline; then others try to interfere.

Runs on a throw-away server, or with --database-url on a database of your own, from which all that
the demo created is removed again.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table
from typing_extensions import LiteralString

from skill_messages import Message, NewMessage, SkillMessages, listen
from tools.server import DEPLOYER, ROOT, Server, deploy, sqitch

console = Console(highlight=False)

TENANTS = ("demo-harbor", "demo-crumb", "demo-summit")
APP, SERVICE = "skill_messages_app", "skill_messages_service"

# What a host does with a decision is its own business; this one keeps groups in a table.
GROUPS: LiteralString = """
CREATE TABLE demo_skill_groups (skill_id text PRIMARY KEY, parent_skill_id text NOT NULL);
GRANT SELECT, INSERT ON demo_skill_groups TO skill_messages_app;
"""

# Whose the table is, whether no policy binds that role, and whether it has been granted a role of
# ours.
OWNER: LiteralString = """
SELECT
    quote_ident(r.rolname), r.rolsuper OR r.rolbypassrls,
    pg_has_role(r.oid, 'skill_messages_service', 'USAGE')
    OR pg_has_role(r.oid, 'skill_messages_app', 'USAGE')
FROM pg_class AS c
INNER JOIN pg_roles AS r ON r.oid = c.relowner
WHERE c.oid = 'public.skill_messages'::regclass
"""

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


def table(title: str, *columns: str, rows: list[tuple[object, ...]]) -> None:
    grid = Table(*columns, title=title, title_justify="left", title_style="bold", expand=False)
    for row in rows:
        grid.add_row(*map(str, row))
    console.print(grid, "")


def chapter(text: str) -> None:
    console.rule(f"[bold]{text}", align="left")


@contextmanager
def installed(url: str) -> Iterator[psycopg.Connection[Any]]:
    """The schema and the demo data, while this lasts; what was there before is left alone."""
    with psycopg.connect(url, autocommit=True) as admin, ExitStack() as undo:

        def present(what: LiteralString) -> bool:
            row = admin.execute(f"SELECT {what} IS NOT NULL").fetchone()
            return bool(row and row[0])

        if present("to_regclass('public.skill_messages')"):
            console.print("The schema is deployed already and is used as it is.\n")
        else:
            chapter("sqitch deploy --verify")
            if not present("to_regnamespace('sqitch')"):
                undo.callback(admin.execute, "DROP SCHEMA sqitch CASCADE")
            undo.callback(revert, f"db:{url}")
            console.print(deploy(f"db:{url}"), markup=False)
            chapter("sqitch verify")
            console.print(sqitch("verify", f"db:{url}").stdout, markup=False)

        if not present("(SELECT oid FROM pg_trigger WHERE tgname = 'notify_sent')"):
            admin.execute("SELECT public.switch_skill_message_notifications(true)")
            undo.callback(admin.execute, "SELECT public.switch_skill_message_notifications(false)")

        admin.execute(GROUPS)
        undo.callback(admin.execute, "DROP TABLE demo_skill_groups")
        add_demo_data(admin)
        undo.callback(remove_demo_data, admin)
        yield admin


def revert(target: str) -> None:
    done = sqitch("revert", target, "-y")
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)


@contextmanager
def granted(admin: psycopg.Connection[Any], *roles: str) -> Iterator[None]:
    """Lets the login act as the roles while this lasts, as far as it could not before."""
    able = "SET" if admin.info.server_version >= 160000 else "MEMBER"
    query = "SELECT pg_has_role(%(role)s, %(able)s) AND pg_has_role(%(role)s, 'USAGE')"
    with ExitStack() as undo:
        for role in roles:
            if admin.execute(query, {"role": role, "able": able}).fetchone() != (True,):
                admin.execute(f"GRANT {role} TO CURRENT_USER".encode())
                undo.callback(admin.execute, f"REVOKE {role} FROM CURRENT_USER".encode())
        yield


def add_demo_data(admin: psycopg.Connection[Any]) -> None:
    with granted(admin, SERVICE):
        try:
            admin.execute((ROOT / "sql/demo.sql").read_bytes())
        finally:
            # Failing, it leaves its transaction open.
            admin.rollback()


def remove_demo_data(admin: psycopg.Connection[Any]) -> None:
    with granted(admin, SERVICE), admin.transaction():
        for tenant in TENANTS:
            admin.execute("SELECT set_config('app.current_tenant_id', %s, true)", [tenant])
            admin.execute("DELETE FROM public.skills WHERE tenant_id = %s", [tenant])
            admin.execute("DELETE FROM public.users WHERE tenant_id = %s", [tenant])
            admin.execute("DELETE FROM public.tenants WHERE id = %s", [tenant])


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
        walk = self.client(name, tenant).iter_messages_for_user(f"demo-{name}", page_size)
        messages = list(walk)
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

    def attack(self, decided: Message) -> bool:
        """Whether every attempt was refused as it should be."""
        chapter("Others try to interfere: each answer is the database's own")
        maya, jonas = self.client("maya"), self.client("jonas")
        odile = self.client("odile", "crumb")
        nobody = SkillMessages(self.app, tenant_id="")

        def in_odiles_transaction() -> object:
            with self.app.transaction():
                odile.get_unread_count_for_user()
                return len(maya.get_messages_from_user())

        def sql(statement: LiteralString, tenant: str, user: str) -> Callable[[], object]:
            def run() -> object:
                with self.app.transaction():
                    context = "SELECT public.set_skill_message_context(%s, %s)"
                    self.app.execute(context, [tenant, user])
                    return self.app.execute(statement, [decided.id]).rowcount

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
                lambda: odile.send_skill_message(
                    "demo-odile", "demo-jonas", "demo-starter", "Hello"
                ),
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
                lambda: maya.send_skill_message(
                    "demo-jonas", "demo-tomas", "demo-explain", "Hello"
                ),
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
                lambda: self.app.execute("SELECT FROM skill_messages").rowcount,
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


def owners_login(admin: psycopg.Connection[Any]) -> bool:
    """Whether the owner of the table is told what it lacks, and has its answer once it has that."""
    chapter("The owner of the table logs in and asks for Jonas's inbox")
    row = admin.execute(OWNER).fetchone()
    owner, unbound, has_a_role = row or ("nobody", False, False)
    if unbound or has_a_role:
        why = "no policy binds it" if unbound else "it has been granted a role already"
        console.print(f"It would get it: the owner is {owner}, and {why}.\n", markup=False)
        return True

    inherit = " WITH INHERIT TRUE" if admin.info.server_version >= 160000 else ""
    grant = f"GRANT {SERVICE} TO {owner}{inherit}"

    def inbox() -> list[Message]:
        with admin.transaction(force_rollback=True):
            admin.execute(f"SET LOCAL ROLE {owner}".encode())
            client = SkillMessages(admin, tenant_id="demo-harbor")
            return client.get_messages_for_user("demo-jonas")

    held = False
    with admin.transaction(force_rollback=True):
        try:
            inbox()
        except psycopg.errors.InsufficientPrivilege as error:
            console.print(f"{error.sqlstate}: {error.diag.message_primary}", markup=False)
            console.print(f"Hint: {error.diag.message_hint}", markup=False)
            held = error.diag.message_hint == grant
        admin.execute(grant.encode())
        seen = len(inbox())
        console.print(f"After {grant}: {seen} messages.", markup=False)
    console.print("This GRANT is undone again.\n")
    return held and seen > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url", help="postgresql://user@host/database")
    url = parser.parse_args().database_url

    with ExitStack() as stack:
        if not url:
            server = stack.enter_context(Server())
            server.create_database("demo")
            url = server.url(user=DEPLOYER, database="demo")
        admin = stack.enter_context(installed(url))
        with (
            granted(admin, APP),
            psycopg.connect(url, autocommit=True, options=f"-c role={APP}") as app,
        ):
            story = Story(app, admin, url)
            story.propose()
            decided = story.read_and_decide()
            story.propose_many()
            held = story.attack(decided)
        held &= owners_login(admin)

    console.print("All that the demo created is removed again.")
    if held:
        console.print("[bold green]Isolation held: every attempt was refused.[/bold green]")
        return 0
    console.print("[bold red]Not everything was answered as it should be.[/bold red]")
    return 1


if __name__ == "__main__":
    sys.exit(main())
