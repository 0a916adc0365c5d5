"""What `dev` prints: the demo's story, as it happened, and what to paste in another terminal."""

import os
import shlex
import shutil
import sys
import textwrap
from pathlib import Path

import psycopg

from skill_messages import Message, NamedMessage, SkillMessageError, SkillMessages

PSQL = """\
BEGIN;
SELECT set_skill_message_context('demo-harbor', 'demo-tomas');
SELECT send_skill_message('demo-tomas', 'demo-jonas', 'demo-explain', 'Group mine under yours?',
                          proposed_parent_skill_id => 'demo-pg-tuning') AS id \\gset
COMMIT;
BEGIN;
SELECT set_skill_message_context('demo-harbor', 'demo-jonas');
SELECT from_user_name, subject_skill_name, message, status FROM get_named_messages_for_user();
SELECT mark_message_read(:'id');
SELECT subject_skill_id, proposed_parent_skill_id, new_status
FROM update_message_status(:'id', 'accepted');
COMMIT;
"""

PYTHON = """\
import psycopg
from skill_messages import SkillMessages

url = "{url}"
with psycopg.connect(url, autocommit=True) as connection:
    priya = SkillMessages(connection, tenant_id="demo-harbor", user_id="demo-priya")
    jonas = SkillMessages(connection, tenant_id="demo-harbor", user_id="demo-jonas")
    id = priya.send_skill_message("demo-priya", "demo-jonas", "demo-csv-tidy", "One group?")
    for message in jonas.get_named_messages_for_user():
        print(message.from_user_name, "wrote:", message.message, f"({{message.status}})")
    print("Read at", jonas.mark_message_read(id))
    print("Now it is", jonas.update_message_status(id, "accepted").status)
"""

GUIDE = """\
For development only: no passwords. Logins:

  {app}
      signed-in users: sees what the user in the context sent or received
  {service}
      trusted server code: sees the tenant in the context
  {retention}
      purges and erases
  {owner}
      owns the tables, and is a member of the service as well

Paste in another terminal, for psql:

{psql}

For Python:

{python}

Ctrl-C stops the server."""


def guide(url: str, programs: Path) -> str:
    app = url.format("app_login")
    psql = "psql" if shutil.which("psql") else shutil.which("psql", path=str(programs))
    if psql:
        by_psql = pasted(f"{shlex.quote(psql)} {app}", PSQL)
    else:
        by_psql = "psql is not installed: apt install postgresql-client, or brew install libpq"
    python = pasted(f"{shlex.quote(sys.executable)} -", PYTHON.format(url=app))
    names = ("app", "service", "retention")
    logins = {name: url.format(f"{name}_login") for name in names} | {"owner": url.format("owner")}
    return GUIDE.format(psql=by_psql, python=python, **logins)


def pasted(program: str, text: str) -> str:
    # Shells of Windows know no here-documents.
    return f"# {program}\n{text}" if os.name == "nt" else f"{program} <<'END'\n{text}END"


def story(url: str) -> str:
    """A proposal and what becomes of it, by real calls; each with what it returned."""
    lines = ["What the demo's users did just now, and what each call returned:", ""]
    with psycopg.connect(url.format("app_login"), autocommit=True) as connection:

        def call(
            user: str, method: str, *values: str, tenant: str = "harbor", **named: str
        ) -> None:
            client = SkillMessages(
                connection, tenant_id=f"demo-{tenant}", user_id=f"demo-{user.lower()}"
            )
            result: object
            try:
                result = getattr(client, method)(*values, **named)
            except SkillMessageError as error:
                result = error
            arguments = [*map(repr, values), *(f"{name}={named[name]!r}" for name in named)]
            made = f"{user:<6} {method}({', '.join(arguments)})"
            lines.extend(textwrap.wrap(made, 90, initial_indent="  ", subsequent_indent=" " * 13))
            lines.extend(f"           {line}" for line in shown(result))

        proposal = ("demo-maya", "demo-jonas", "demo-slow-postgres", "Shall I go under yours?")
        call("Maya", "send_skill_message", *proposal, "demo-pg-tuning", id="m1")
        call("Jonas", "get_unread_count_for_user")
        call("Jonas", "get_named_messages_for_user")
        call("Jonas", "mark_message_read", "m1")
        call("Jonas", "update_message_status", "m1", "accepted")
        call("Jonas", "update_message_status", "m1", "declined")
        lines.append("  Of another tenant:")
        call("Odile", "get_messages_for_user", tenant="crumb")
        call("Odile", "update_message_status", "m1", "declined", tenant="crumb")
    return "\n".join([*lines, ""])


def shown(result: object) -> list[str]:
    match result:
        case SkillMessageError():
            return [f"{result.sqlstate}: {result}"]
        case [NamedMessage() as message]:
            names = f"{message.subject_skill_name} / {message.proposed_parent_skill_name}"
            return [f"{message.from_user_name}: {message.message} ({message.status})", names]
        case Message():
            skills = f"{result.subject_skill_id} under {result.proposed_parent_skill_id}"
            return [f"{skills}: {result.status}"]
        case _:
            return [str(result)]
