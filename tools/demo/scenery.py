"""What the demo plays in: the schema and the demo data, for a while."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from typing_extensions import LiteralString

from tools.demo.screen import chapter, console
from tools.server import ROOT, deploy, sqitch

TENANTS = ("demo-harbor", "demo-crumb", "demo-summit")
APP, SERVICE = "skill_messages_app", "skill_messages_service"

# What a host does with a decision is its own business; this one keeps groups in a table.
GROUPS: LiteralString = """
CREATE TABLE demo_skill_groups (skill_id text PRIMARY KEY, parent_skill_id text NOT NULL);
GRANT SELECT, INSERT ON demo_skill_groups TO skill_messages_app;
"""


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
