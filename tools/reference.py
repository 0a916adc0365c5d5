"""The reference in Markdown: whatever the catalogue knows of the schema, and nothing else."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import namedtuple_row

# The messages, then what they refer to, in the order of their columns.
TABLES = ["skill_messages", "tenants", "users", "skills"]

HEAD = """\
# Reference

All functions, tables, policies and roles. `make docs` generates this page from the database's
catalogue. To change it, change the signatures and comments in `deploy/`.
"""

# Group, what to know about it, the verbs that its functions begin with: in the order of the page.
GROUPS = [
    (
        "Operations",
        "The functions that applications call. No function takes the tenant as an argument: it "
        "comes from the transaction's context. So call "
        "[`set_skill_message_context()`](#set_skill_message_context) first. A login of "
        "`skill_messages_app` must give the user there as well.",
        ["set", "send", "get", "mark", "update", "export"],
    ),
    (
        "Retention",
        "The functions that a DBA or a scheduled job calls to delete and erase.",
        ["purge", "erase"],
    ),
    (
        "Administration",
        "Only the owner may switch notifications. Whoever uses or monitors the package may ask for "
        "its version.",
        ["switch", "skill"],
    ),
]

CONTENTS = """\
- [Errors](#errors), by SQLSTATE
- [The table](#the-table), [its isolation](#isolation), [the roles](#roles),
  [the monitoring view](#skill_message_totals)
- The schema `skill_messages_private`: [names](#names), [helpers](#helpers)
"""

DIAGRAM = """\
Each line is a foreign key, named by its column. Every key has `tenant_id` as well, so a message can
refer to rows of its own tenant only. Deleting a skill deletes its messages, or sets the proposed
parent to null.
"""

ISOLATION = """\
A permissive policy admits rows. A restrictive policy then takes away some of what was admitted. On
`tenants`, `users` and `skills` these policies exist if the package created the table.
[Concepts](concepts.md) explains how they work together.
"""

ERRORS = """\
The errors that the functions raise. The [constraints](#constraints) and [triggers](#triggers) of
the table refuse direct writes with the same SQLSTATEs. Each error has a hint that says what to do.
Three errors come from PostgreSQL itself and have no hint:

- `40001`: run the transaction again.
- `2D000`: call the procedure outside a transaction.
- `42501`, if the role has never been granted EXECUTE on the function.
"""

NAMES = """\
The views from which [`get_skill_message()`](#get_skill_message),
[`get_named_messages_for_user()`](#get_named_messages_for_user) and
[`get_named_messages_from_user()`](#get_named_messages_from_user) read the names of tenants, users
and skills. They run as the caller, so the host's own policies apply.
"""

HELPERS = """\
The functions of the schema `skill_messages_private`. The operations, the triggers and the deploy
and verify scripts call them. Applications do not.
"""

COLUMNS = """
SELECT
    a.attname AS "column",
    format_type(a.atttypid, a.atttypmod) AS "type",
    CASE WHEN a.attnotnull THEN 'not null' END AS "null",
    pg_get_expr(d.adbin, d.adrelid) AS "default",
    col_description(a.attrelid, a.attnum) AS "comment"
FROM pg_attribute AS a
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

# The lines of a Mermaid diagram: the columns of each table, then the foreign keys.
DIAGRAM_COLUMNS = """
SELECT
    a.attrelid::regclass::text AS "table",
    concat_ws(
        ' ',
        format_type(a.atttypid, a.atttypmod),
        a.attname,
        nullif(
            concat_ws(
                ', ',
                CASE WHEN bool_or(k.contype = 'p') THEN 'PK' END,
                CASE WHEN bool_or(k.contype = 'f') THEN 'FK' END
            ),
            ''
        ),
        CASE WHEN NOT a.attnotnull THEN '"null"' END
    ) AS line
FROM pg_attribute AS a
LEFT JOIN pg_constraint AS k ON k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey)
WHERE a.attrelid = ANY (%s::regclass[]) AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull
ORDER BY array_position(%s, a.attrelid::regclass::text), a.attnum
"""

# A key is called by its last column, which tells it from its neighbours.
DIAGRAM_KEYS = """
SELECT format(
    '%%s %%s--o{ %%s : "%%s%%s"',
    k.confrelid::regclass,
    CASE WHEN a.attnotnull THEN '||' ELSE '|o' END,
    k.conrelid::regclass,
    a.attname,
    CASE k.confdeltype WHEN 'c' THEN ', cascades' WHEN 'n' THEN ', sets null' END
)
FROM pg_constraint AS k
INNER JOIN pg_attribute AS a
    ON a.attrelid = k.conrelid AND a.attnum = k.conkey[array_upper(k.conkey, 1)]
WHERE k.contype = 'f' AND k.conrelid = ANY (%s::regclass[])
ORDER BY
    array_position(%s, k.conrelid::regclass::text), array_position(%s, k.confrelid::regclass::text),
    a.attnum
"""

# PostgreSQL 18 lists NOT NULL here as well; the columns say so already.
CONSTRAINTS = """
SELECT
    conname AS "constraint",
    pg_get_constraintdef(oid) AS "definition",
    obj_description(oid, 'pg_constraint') AS "comment"
FROM pg_constraint
WHERE conrelid = 'public.skill_messages'::regclass AND contype IN ('p', 'u', 'f', 'c')
ORDER BY array_position('{p,u,f,c}', contype::text), conname COLLATE "C"
"""

INDEXES = """
SELECT
    c.relname AS "index",
    CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
        || substring(pg_get_indexdef(c.oid) FROM ' USING btree (.*)') AS "definition",
    obj_description(c.oid, 'pg_class') AS "comment"
FROM pg_index AS i
INNER JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid = 'public.skill_messages'::regclass
ORDER BY c.relname COLLATE "C"
"""

# tgargs separates the arguments by zero bytes.
TRIGGERS = r"""
SELECT
    tgname AS "trigger",
    substring(pg_get_triggerdef(oid) FROM '(?:BEFORE|AFTER) \w+') AS "fires",
    tgfoid::regproc || '()' AS "calls",
    array_to_string((string_to_array(encode(tgargs, 'escape'), '\000'))[:tgnargs], ' · ')
        AS "with",
    obj_description(oid, 'pg_trigger') AS "comment"
FROM pg_trigger
WHERE tgrelid = 'public.skill_messages'::regclass AND NOT tgisinternal
ORDER BY tgname COLLATE "C"
"""

POLICIES = """
SELECT
    p.tablename AS "table",
    p.policyname AS "policy",
    lower(p.permissive) AS "kind",
    p.cmd AS "command",
    array_to_string(p.roles, ', ') AS "roles",
    obj_description(o.oid, 'pg_policy') AS "comment"
FROM pg_policies AS p
INNER JOIN pg_policy AS o
    ON o.polname = p.policyname
    AND o.polrelid = format('%%I.%%I', p.schemaname, p.tablename)::regclass
WHERE p.schemaname = 'public' AND p.tablename = ANY (%s)
ORDER BY array_position(%s, p.tablename::text), p.permissive COLLATE "C", p.policyname COLLATE "C"
"""

RELATION = """
SELECT
    obj_description(c.oid, 'pg_class'),
    ARRAY(
        SELECT g.grantee::regrole::text COLLATE "C"
        FROM aclexplode(c.relacl) AS g
        WHERE g.grantee <> c.relowner AND g.privilege_type = 'SELECT'
        ORDER BY 1
    )
FROM pg_class AS c
WHERE c.oid = %s::regclass
"""

NAME_VIEWS = """
SELECT
    c.oid::regclass::text AS "view",
    (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute AS a
    WHERE a.attrelid = c.oid AND a.attnum > 0) AS "columns",
    obj_description(c.oid, 'pg_class') AS "comment"
FROM pg_class AS c
WHERE c.relnamespace = 'skill_messages_private'::regnamespace AND c.relkind = 'v'
ORDER BY c.relname COLLATE "C"
"""

ROLES = r"""
SELECT
    r.rolname AS "role",
    replace(shobj_description(r.oid, 'pg_authid'), ' (created by skill_messages)', '') AS "comment",
    (
        SELECT string_agg(p.privilege_type || coalesce(' (' || p.columns || ')', ''), ', '
            ORDER BY p.privilege_type COLLATE "C")
        FROM (
            SELECT g.privilege_type, NULL AS columns
            FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS g
            WHERE c.oid = 'public.skill_messages'::regclass AND g.grantee = r.oid
            UNION ALL
            SELECT g.privilege_type, string_agg(a.attname, ', ' ORDER BY a.attnum)
            FROM pg_attribute AS a CROSS JOIN aclexplode(a.attacl) AS g
            WHERE a.attrelid = 'public.skill_messages'::regclass AND g.grantee = r.oid
            GROUP BY g.privilege_type
        ) AS p
    ) AS "on the table"
FROM pg_roles AS r
WHERE r.rolname LIKE 'skill\_messages\_%'
ORDER BY r.rolname COLLATE "C"
"""

FUNCTIONS = """
SELECT
    p.proname AS name,
    pg_get_function_result(p.oid) AS result,
    obj_description(p.oid, 'pg_proc') AS comment,
    ARRAY(
        SELECT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END COLLATE "C"
        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
        WHERE g.grantee <> p.proowner
        ORDER BY 1
    ) AS callers
FROM pg_proc AS p
WHERE p.pronamespace = %s::regnamespace
ORDER BY p.proname COLLATE "C"
"""

ARGUMENTS = """
SELECT
    p.proname AS function,
    a.name,
    a.mode,
    format_type(a.type, NULL) AS type,
    pg_get_function_arg_default(p.oid, a.place::integer) AS default_value
FROM pg_proc AS p
CROSS JOIN unnest(
    coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes
) WITH ORDINALITY AS a (type, name, mode, place)
WHERE p.pronamespace = %s::regnamespace
ORDER BY p.proname COLLATE "C", a.place
"""


@dataclass(frozen=True)
class Function:
    """A function or procedure; its comment taken apart."""

    name: str
    arguments: list[str]
    returns: str
    callers: list[str]
    prose: str
    notes: list[tuple[str, str]]
    errors: list[str]

    @property
    def verb(self) -> str:
        return self.name.partition("_")[0]

    @property
    def signature(self) -> str:
        on_one_line = f"{self.name}({', '.join(self.arguments)})"
        if len(on_one_line) <= 80:
            return on_one_line + self.returns
        return f"{self.name}(\n    " + ",\n    ".join(self.arguments) + "\n)" + self.returns


def reference(connection: Connection[Any]) -> str:
    found = functions(connection, "public")
    helpers = functions(connection, "skill_messages_private")

    def table(query: str, *arguments: Any) -> str:
        cursor = connection.execute(query, arguments or None)
        return markdown_table([str(c.name) for c in cursor.description or []], cursor.fetchall())

    groups = [
        (title, intro, sorted(members(found, verbs), key=lambda f: order(f, verbs)))
        for title, intro, verbs in GROUPS
    ]
    parts = [
        HEAD,
        *(
            f"- [{title}](#{title.lower()}): "
            + ", ".join(f"[`{f.name}`](#{f.name})" for f in group)
            for title, _, group in groups
        ),
        CONTENTS,
    ]
    for title, intro, group in groups:
        parts += [f"## {title}\n", intro + "\n", *map(section, group)]
    parts += [
        *("## Errors\n", ERRORS, error_table(found)),
        *("## The table\n", DIAGRAM, diagram(connection)),
        *("### `skill_messages`\n", about(connection, "public.skill_messages")),
        table(COLUMNS, "public.skill_messages"),
        *("#### Constraints\n", "The comment is the hint of the error.\n", table(CONSTRAINTS)),
        *("#### Indexes\n", table(INDEXES), "#### Triggers\n", table(TRIGGERS)),
        *("## Isolation\n", ISOLATION, table(POLICIES, TABLES, TABLES)),
        *("## Roles\n", table(ROLES)),
        *("## Monitoring\n", "### `skill_message_totals`\n"),
        about(connection, "public.skill_message_totals"),
        table(COLUMNS, "public.skill_message_totals"),
        *("## Names\n", NAMES, table(NAME_VIEWS), "## Helpers\n", HELPERS, helper_table(helpers)),
    ]
    return linked("\n".join(parts).rstrip() + "\n", [function.name for function in found])


def diagram(connection: Connection[Any]) -> str:
    """The tables and their foreign keys, for Mermaid, which code hosts and the site draw."""
    lines = defaultdict(list)
    for table, line in connection.execute(DIAGRAM_COLUMNS, [TABLES, TABLES]):
        lines[table].append(f"        {short(line)}")
    keys = connection.execute(DIAGRAM_KEYS, [TABLES, TABLES, TABLES])
    parts = ["\n".join([f"    {name} {{", *columns, "    }"]) for name, columns in lines.items()]
    parts += [f"    {key}" for (key,) in keys]
    return "```mermaid\nerDiagram\n" + "\n".join(parts) + "\n```\n"


def functions(connection: Connection[Any], schema: str) -> list[Function]:
    cursor: Cursor[Any] = connection.cursor(row_factory=namedtuple_row)
    arguments = defaultdict(list)
    for argument in cursor.execute(ARGUMENTS, [schema]).fetchall():
        arguments[argument.function].append(argument)
    rows = cursor.execute(FUNCTIONS, [schema]).fetchall()
    return [function(row, arguments[row.name]) for row in rows]


def function(row: Any, arguments: list[Any]) -> Function:
    columns = [f"{a.name} {short(a.type)}" for a in arguments if a.mode == "t"]
    returns = f" RETURNS {short(row.result)}" if row.result else ""
    if columns:
        returns = " RETURNS TABLE (\n    " + ",\n    ".join(columns) + "\n)"

    prose, _, errors = " ".join((row.comment or "").split()).partition("Errors: ")
    name = "|".join(a.name for a in arguments) or "$^"
    prose, *notes = re.split(rf"(?:^|(?<=\. ))((?:{name})(?:, (?:{name}))*): ", prose)
    return Function(
        name=row.name,
        arguments=[declaration(a) for a in arguments if a.mode != "t"],
        returns=returns,
        callers=row.callers,
        prose=prose.strip(),
        notes=[(names, note.strip()) for names, note in zip(notes[::2], notes[1::2], strict=True)],
        errors=errors.removesuffix(".").split("; ") if errors else [],
    )


def declaration(argument: Any) -> str:
    mode = "INOUT " if argument.mode == "b" else ""
    default = f" DEFAULT {short(argument.default_value)}" if argument.default_value else ""
    return f"{mode}{argument.name} {short(argument.type)}{default}"


def short(sql: str) -> str:
    """As people write it."""
    sql = sql.replace("timestamp with time zone", "timestamptz")
    return re.sub(r"(NULL|'[^']*')::[a-z]+(\[\])?", r"\1", sql)


def members(found: list[Function], verbs: list[str]) -> list[Function]:
    return [f for f in found if f.verb in verbs]


def order(function: Function, verbs: list[str]) -> tuple[int, str]:
    return (verbs.index(function.verb), function.name)


def section(function: Function) -> str:
    lines = [f"### `{function.name}`\n", f"```sql\n{function.signature}\n```\n", function.prose]
    if function.notes:
        lines.append("")
        lines += [f"- {code_list(names.split(', '))}: {note}" for names, note in function.notes]
    if function.errors:
        lines += ["", "**Errors:** " + "; ".join(map(with_code, function.errors)) + "."]
    lines += ["", f"**May call it:** {callers(function)}.\n"]
    return "\n".join(lines)


def callers(function: Function) -> str:
    nobody = "triggers only" if "trigger" in function.returns else "the owner only"
    return code_list(function.callers) or nobody


def helper_table(found: list[Function]) -> str:
    rows = [(f"{f.name}()", f.prose, callers(f)) for f in found]
    return markdown_table(["helper", "comment", "may call it"], rows)


def error_table(found: list[Function]) -> str:
    raised: dict[tuple[str, str], list[str]] = defaultdict(list)
    for function in found:
        for error in errors_of(function, found):
            raised[error].append(f"{function.name}()")
    rows = [(*error, ", ".join(names)) for error, names in sorted(raised.items(), key=by_state)]
    return markdown_table(["SQLSTATE", "when", "raised by"], rows)


def errors_of(function: Function, found: list[Function]) -> Iterator[tuple[str, str]]:
    """Each SQLSTATE and when; with those of another function that the comment refers to."""
    for error in function.errors:
        state, _, when = error.partition(" ")
        if is_state(state):
            yield state, when
        for other in found:
            if f"those of {other.name}()" in error:
                yield from errors_of(other, found)


def by_state(item: tuple[tuple[str, str], list[str]]) -> tuple[bool, str, int, str]:
    """Our own first, and of each the most frequent first."""
    (state, when), names = item
    return (not state.startswith("SM"), state, -len(names), when)


def is_state(word: str) -> bool:
    return re.fullmatch(r"SM\d{3}|\d[\dA-Z]\d{3}", word) is not None


def with_code(error: str) -> str:
    state, _, when = error.partition(" ")
    return f"`{state}` {when}" if is_state(state) else error


def code_list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def about(connection: Connection[Any], relation: str) -> str:
    """What a table or view is, and who may read all of it."""
    for comment, readers in connection.execute(RELATION, [relation]):
        return f"{' '.join(comment.split())}\n\n**May read it:** {code_list(readers)}.\n"
    raise LookupError(relation)


# What is prose; all other cells are code.
PROSE = {"comment", "when", "raised by", "may call it", "null", "kind", "state", "calls", "with"}


def markdown_table(heads: list[str], rows: list[Any]) -> str:
    """A table without the columns in which nothing stands."""
    kept = [place for place, _ in enumerate(heads) if any(row[place] for row in rows)]
    lines = [[heads[place] for place in kept], ["---"] * len(kept)]
    lines += [[cell(row[place], heads[place]) for place in kept] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def cell(value: str | None, head: str) -> str:
    text = short(" ".join((value or "").split())).replace("|", r"\|")
    return text if head in PROSE or not text else f"`{text}`"


def linked(text: str, names: list[str]) -> str:
    """A link wherever prose mentions a function with its parentheses, and is no link already."""
    pieces = text.split("```")
    mention = rf"(?<![`\w])({'|'.join(names)})\(\)"
    pieces[::2] = [re.sub(mention, r"[`\1()`](#\1)", piece) for piece in pieces[::2]]
    return "```".join(pieces)
