"""The lines of `check`: those of sql/check.sql, and what only the package or a login can tell."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.errors import InvalidSchemaName, ObjectNotInPrerequisiteState, UndefinedFunction

from . import functions, login

# What sql/check.sql has for psql, and for a transaction of its own.
PSQL = re.compile(r"^(BEGIN;|ROLLBACK;|\\.*)$", re.MULTILINE)

LIMITS = "SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '30s'"

Line = tuple[str, str, str]


def lines(connection: psycopg.Connection[Any], root: Path, with_login: bool) -> Iterator[Line]:
    """State, topic and text of each line."""
    if with_login:
        state, text = login.check(connection)
        yield state, "this login", text
    yield brought_along(connection)
    yield from by_sql(connection, root)
    yield from changes(connection, root)
    yield from same_functions(connection, root)
    yield host_tables(connection, root)


def brought_along(connection: psycopg.Connection[Any]) -> Line:
    """The tenant and the user of a connection that has just begun: nobody chose them."""
    topic = "this connection"
    query = (
        "SELECT name, value FROM unnest(ARRAY['app.current_tenant_id', 'app.current_user_id'])"
        " AS name, current_setting(name, true) AS value WHERE value <> ''"
    )
    defaults = connection.execute(query).fetchall()
    if not defaults:
        return "ok", topic, "brings no tenant along"
    what = ", ".join(f"{name} = {value}" for name, value in defaults)
    by_options = "app.current" in (connection.info.options or "")
    elsewhere = "by ALTER ROLE or DATABASE … SET, or a SET that a pool has left"
    where = "by its options" if by_options else elsewhere
    text = f"brings {what} along, {where}. Who chooses nothing acts for that"
    return "WARNING", topic, f"{text}; set_skill_message_context() may replace it"


def by_sql(connection: psycopg.Connection[Any], root: Path) -> Iterator[Line]:
    """What psql prints of sql/check.sql."""
    script = (root / "sql" / "check.sql").read_text(encoding="utf-8")
    try:
        with connection.transaction(force_rollback=True):
            cursor = connection.execute(PSQL.sub("", script).encode())
            while cursor.nextset():
                pass
            found = cursor.fetchall()
    except psycopg.Error as error:
        yield unknown("the database", error)
    else:
        for state, line in found:
            topic, _, text = line.partition(": ")
            yield state.strip(), topic, text


def changes(connection: psycopg.Connection[Any], root: Path) -> Iterator[Line]:
    """Sqitch's registry beside the plan. Without one, the line "Sqitch" has said so."""
    query = "SELECT change FROM sqitch.changes WHERE project = 'skill_messages'"
    try:
        deployed = Counter(change for (change,) in connection.execute(query))
    except psycopg.Error:
        return
    ours = Counter(functions.changes(root))
    findings = [
        f"{verb} {some(sorted(names))}. {cure}"
        for verb, names, cure in [
            ("not deployed:", ours - deployed, "sqitch deploy"),
            ("not in this package:", deployed - ours, "Install the package of that release"),
        ]
        if names
    ]
    if findings:
        yield "WARNING", "changes", "; ".join(findings)
    else:
        yield "ok", "changes", f"all {ours.total()} of this package are deployed"


def same_functions(connection: psycopg.Connection[Any], root: Path) -> Iterator[Line]:
    if found := functions.compare(connection, root):
        state, text = found
        yield state, "functions", text


def host_tables(connection: psycopg.Connection[Any], root: Path) -> Line:
    """As preflight finds them; where it is not deployed, in a deploy of it that is undone."""
    topic = "host tables"
    script = (root / "deploy" / "preflight.sql").read_text(encoding="utf-8")
    deploy = re.sub(r"^(BEGIN|COMMIT);$", "", script, flags=re.MULTILINE)
    try:
        try:
            connection.execute("SELECT skill_messages_private.preflight()")
            return "ok", topic, "fit"
        except (UndefinedFunction, InvalidSchemaName):
            with connection.transaction(force_rollback=True):
                connection.execute(LIMITS)
                connection.execute(deploy.encode())
            return "ok", topic, "fit; nothing is in the way of a deploy by this login"
    except ObjectNotInPrerequisiteState as error:
        return "WARNING", topic, "; ".join((error.diag.message_detail or "").splitlines())
    except psycopg.Error as error:
        return unknown(topic, error)


def unknown(topic: str, error: psycopg.Error) -> Line:
    """As sql/check.sql says it."""
    whose = "not told to this login: " if error.sqlstate == "42501" else ""
    return "unknown", topic, whose + login.told(error)


def some(names: Sequence[str]) -> str:
    """Three of them, and how many more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
