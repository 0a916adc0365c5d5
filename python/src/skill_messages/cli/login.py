"""What the login of a connection may do with messages: real calls, undone."""

import uuid
from typing import Any

import psycopg
from psycopg.rows import dict_row

# Who may become a role can leave the walls of app. From 16 on a member may be kept from that.
QUERY = """
SELECT
    quote_ident(u.rolname) AS name,
    u.rolsuper OR u.rolbypassrls AS is_unbound,
    u.rolinherit AS inherits,
    s.version >= 160000 AS tells_inherit,
    has_schema_privilege('public', 'USAGE') AS finds_public,
    pg_has_role('pg_monitor', 'USAGE') AS monitors,
    pg_is_in_recovery() AS is_standby,
    EXISTS (
        SELECT
        FROM pg_class AS c
        WHERE c.relname = 'skill_messages' AND c.relnamespace = to_regnamespace('public')
            AND pg_has_role(c.relowner, 'USAGE')
    ) AS owns,
    ARRAY(
        SELECT r.rolname::text
        FROM pg_roles AS r
        WHERE r.rolname ~ '^skill_messages_(app|service|retention)$'
            AND pg_has_role(r.oid, 'USAGE')
        ORDER BY r.rolname
    ) AS acts_as,
    ARRAY(
        SELECT r.rolname::text
        FROM pg_roles AS r
        WHERE r.rolname ~ '^skill_messages_(app|service|retention)$'
            AND pg_has_role(r.oid, CASE WHEN s.version >= 160000 THEN 'SET' ELSE 'MEMBER' END)
        ORDER BY r.rolname
    ) AS may_become
FROM pg_roles AS u
CROSS JOIN (SELECT current_setting('server_version_num')::integer AS version) AS s
WHERE u.rolname = current_user
"""

APP, SERVICE, RETENTION = (f"skill_messages_{role}" for role in ("app", "service", "retention"))

# For a tenant that there is not, so they find nothing. The message is blank: the server looks at
# privileges and policies first, at that next, and only then would it store anything.
NOBODY = f"nobody-{uuid.uuid4()}"
READ = "SELECT FROM public.get_messages_for_user(%(nobody)s, 1)"
WRITES = {
    "SELECT public.send_skill_message(%(nobody)s, %(nobody)s, %(nobody)s, '')": "23514",
    "SELECT public.mark_message_read(%(nobody)s)": "SM002",
}
PURGE = "CALL public.purge_skill_messages('1 day', tenant_id => %(nobody)s, dry_run => true)"


def check(connection: psycopg.Connection[Any]) -> tuple[str, str]:
    """State and text of the line."""
    me = connection.cursor(row_factory=dict_row).execute(QUERY).fetchone()
    assert me is not None
    name, roles = me["name"], " and ".join(me["acts_as"])
    if me["is_unbound"]:
        return "ok", (
            f"{name} is a superuser or has BYPASSRLS: no policy binds it. Let no application "
            "log in as it"
        )

    reading = refused(connection, READ)
    if reading and reading.sqlstate in ("42883", "3F000"):
        return "unknown", f"{name}. There are no functions to try"
    if not reading:
        writing = list(filter(None, (refused(connection, *write) for write in WRITES.items())))
        return says_what_it_writes(me, roles, writing[0] if writing else None)
    if me["acts_as"] == [RETENTION] and not refused_to_purge(connection):
        return "ok", f"{name} acts as {roles}: it purges and erases, and reads no text"
    if reading.sqlstate != "42501":
        return "unknown", f"{name} acts as {roles or 'no role'}: {told(reading)}"
    if me["monitors"] and not me["may_become"]:
        return "ok", f"{name} is a member of pg_monitor: it sees totals, and no message"
    return "WARNING", f"{name} neither reads nor writes messages. {grant(me, reading)}"


def refused(
    connection: psycopg.Connection[Any], call: str, expected: str | None = None
) -> psycopg.Error | None:
    """The error of a call, unless it is the expected one."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL lock_timeout = '1s'")
            connection.execute("SET LOCAL statement_timeout = '5s'")
            context = "SELECT public.set_skill_message_context(%(nobody)s, %(nobody)s)"
            connection.execute(context, {"nobody": NOBODY})
            connection.execute(call.encode(), {"nobody": NOBODY})
    except psycopg.Error as error:
        return None if error.sqlstate == expected else error
    return None


def refused_to_purge(connection: psycopg.Connection[Any]) -> psycopg.Error | None:
    """It commits, so it stands alone; a dry run only counts, here nothing."""
    try:
        connection.execute(PURGE, {"nobody": NOBODY})
    except psycopg.Error as error:
        return error
    return None


def says_what_it_writes(
    me: dict[str, Any], roles: str, writing: psycopg.Error | None
) -> tuple[str, str]:
    name = me["name"]
    if writing and writing.sqlstate == "25006":
        if me["is_standby"]:
            return "ok", f"{name} acts as {roles}: it reads; a standby takes no writes"
        return "WARNING", (
            f"{name} acts as {roles}: it reads, and its transactions are read-only. See the "
            "setting default_transaction_read_only"
        )
    if writing:
        return (
            "WARNING",
            f"{name} acts as {roles}: it reads, but cannot write: {told(writing)}",
        )
    if {APP, SERVICE} <= {*me["may_become"], *me["acts_as"]}:
        return "WARNING", (
            f"{name} acts as {APP}, and can leave its walls: it is a member of {SERVICE} too. "
            f"REVOKE {SERVICE} FROM {name}, or the other"
        )
    return "ok", f"{name} acts as {roles}: it reads and writes"


def grant(me: dict[str, Any], reading: psycopg.Error) -> str:
    """What to run, so that it reads and writes."""
    name = me["name"]
    inherit = " WITH INHERIT TRUE" if me["tells_inherit"] else ""
    noinherit = "" if me["inherits"] or inherit else f"; ALTER ROLE {name} INHERIT"
    if not me["finds_public"]:
        return f"GRANT USAGE ON SCHEMA public TO {name}"
    if {APP, SERVICE} & {*me["acts_as"]}:
        return f"It acts as {' and '.join(me['acts_as'])}, and yet: {told(reading)}"
    if idle := [role for role in me["may_become"] if role != RETENTION]:
        how = f"GRANT {idle[0]} TO {name}{inherit}" if inherit else f"ALTER ROLE {name} INHERIT"
        return f"It is a member of {idle[0]} without its rights. Unless it does SET ROLE: {how}"
    why = "It owns the table, and policies bind the owner too. " if me["owns"] else ""
    return (
        f"{why}If it acts for signed-in users: GRANT {APP} TO {name}{inherit}{noinherit}; "
        f"if it is trusted server code: {SERVICE} instead"
    )


def told(error: psycopg.Error) -> str:
    """The error in one line, with its hint."""
    hint = f". {error.diag.message_hint}" if error.diag.message_hint else ""
    return " ".join(f"{error.diag.message_primary or error}{hint}".split())
