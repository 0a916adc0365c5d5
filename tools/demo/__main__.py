"""Authors of three tenants propose, read, accept and decline; then others try to interfere.

Runs on a throw-away server, or with --database-url on a database of your own, from which all that
the demo created is removed again.
"""

import argparse
import sys
from contextlib import ExitStack
from typing import Any

import psycopg
from typing_extensions import LiteralString

from skill_messages import Message, SkillMessages
from tools.demo.attacks import attack
from tools.demo.scenery import APP, SERVICE, granted, installed
from tools.demo.screen import chapter, console
from tools.demo.story import Story
from tools.server import DEPLOYER, Server

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
            held = attack(story, decided)
        held &= owners_login(admin)

    console.print("All that the demo created is removed again.")
    if held:
        console.print("[bold green]Isolation held: every attempt was refused.[/bold green]")
        return 0
    console.print("[bold red]Not everything was answered as it should be.[/bold red]")
    return 1


if __name__ == "__main__":
    sys.exit(main())
