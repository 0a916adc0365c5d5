"""What a distributed engine such as Citus asks of the schema, read from the catalogue.

Each rule lists what breaks it. The texts of functions and policies are parsed by PostgreSQL's own
grammar. Nothing of it needs such an engine.
"""

# ruff: noqa: S608
# What is put into these queries stands in this file.

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from pglast import ast, enums, parse_plpgsql, parse_sql
from psycopg.rows import args_row
from typing_extensions import LiteralString

Connection = psycopg.Connection[Any]
Rule = Callable[[Connection], list[str]]

# The table that is distributed with each name, and the column that says where a row lives.
TENANT_COLUMN = {
    "skill_messages": "tenant_id",
    "users": "tenant_id",
    "skills": "tenant_id",
    "tenants": "id",
    "user_names": "tenant_id",
    "skill_names": "tenant_id",
    "tenant_names": "id",
}
TABLES: LiteralString = """
    ANY ('{public.skill_messages, public.users, public.skills, public.tenants}'::regclass[])
"""
SCHEMAS: LiteralString = "('public'::regnamespace, 'skill_messages_private'::regnamespace)"

# It lists the tenants, once, and then goes tenant by tenant.
OVER_ALL_TENANTS = {"purge_skill_messages"}


@dataclass(frozen=True)
class Function:
    """A function in PL/pgSQL, taken apart."""

    name: str
    definition: str
    is_called: bool  # by one of the roles, not only by the owner

    def parts(self, kind: str) -> Iterator[Any]:
        return _parts(parse_plpgsql(self.definition), kind)

    def variables(self) -> set[str]:
        kinds = ("PLpgSQL_var", "PLpgSQL_rec")
        return {part["refname"] for kind in kinds for part in self.parts(kind)}

    def statements(self) -> Iterator[ast.Node]:
        """Its SQL; an expression, or what is assigned, as a SELECT of it."""
        for part in self.parts("PLpgSQL_expr"):
            query = part["query"]
            if part["parseMode"]:
                query = f"SELECT {query.partition(':=')[2] if part['parseMode'] > 2 else query}"
            yield parse_sql(query)[0].stmt

    def nodes(self, *kinds: type[ast.Node]) -> Iterator[Any]:
        return (node for stmt in self.statements() for node in nodes(stmt) if type(node) in kinds)


def _parts(tree: Any, kind: str) -> Iterator[Any]:
    for key, value in tree.items() if isinstance(tree, dict) else ((None, each) for each in tree):
        if key == kind:
            yield value
        if isinstance(value, dict | list):
            yield from _parts(value, kind)


def nodes(tree: Any) -> Iterator[ast.Node]:
    if isinstance(tree, tuple):
        for each in tree:
            yield from nodes(each)
    elif isinstance(tree, ast.Node):
        yield tree
        for name in tree:
            yield from nodes(getattr(tree, name))


def path(node: Any) -> tuple[str, ...]:
    """Of a column, a variable or a function: its name, in parts."""
    fields = node.fields if isinstance(node, ast.ColumnRef) else getattr(node, "funcname", ())
    return tuple(str(field.sval) for field in fields if isinstance(field, ast.String))


def called(tree: Any) -> set[str]:
    return {path(node)[-1] for node in nodes(tree) if isinstance(node, ast.FuncCall)}


def conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, ast.BoolExpr) and condition.boolop == enums.BoolExprType.AND_EXPR:
        for each in condition.args:
            yield from conjuncts(each)
    elif condition is not None:
        yield condition


def equals(condition: Any) -> bool:
    return (
        isinstance(condition, ast.A_Expr)
        and condition.kind == enums.A_Expr_Kind.AEXPR_OP
        and condition.name[-1].sval == "="
    )


def functions(connection: Connection) -> list[Function]:
    query: LiteralString = f"""
        SELECT p.proname, pg_get_functiondef(p.oid), EXISTS (
            SELECT FROM pg_roles AS r
            WHERE rolname LIKE 'skill_messages%' AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
        )
        FROM pg_proc AS p
        WHERE p.pronamespace IN {SCHEMAS}
            AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
        ORDER BY p.proname
    """
    return connection.cursor(row_factory=args_row(Function)).execute(query).fetchall()


def tables(tree: Any) -> Iterator[ast.RangeVar]:
    """Those of ours in a FROM, with its joins, but not in its subqueries."""
    for item in tree or ():
        if isinstance(item, ast.JoinExpr):
            yield from tables((item.larg, item.rarg))
        elif isinstance(item, ast.RangeVar) and item.relname in TENANT_COLUMN:
            yield item


def unbound(node: Any, variables: set[str]) -> list[str]:
    """The tables of a SELECT, UPDATE or DELETE whose tenant is not that of a variable."""
    from_ = getattr(node, "fromClause", None) or getattr(node, "usingClause", None) or ()
    relation = (node.relation,) if hasattr(node, "relation") else ()
    alias = {t.alias.aliasname if t.alias else t.relname: t for t in tables((*relation, *from_))}
    joins = [each for each in nodes(from_) if isinstance(each, ast.JoinExpr)]
    bound: set[tuple[str, ...]] = {(name,) for name in variables}
    for _ in alias:  # by way of another table, too
        for join in (node.whereClause, *(join.quals for join in joins)):
            for pair in ((c.lexpr, c.rexpr) for c in conjuncts(join) if equals(c)):
                left, right = map(path, pair)
                bound |= {left} if right in bound else {right} if left in bound else set()
    columns = {name: (name, TENANT_COLUMN[table.relname]) for name, table in alias.items()}
    return [name for name, column in columns.items() if column not in bound]


def every_table_has_its_tenant(connection: Connection) -> list[str]:
    """A variable leads to one node. Without it a statement goes to all of them."""
    found = []
    for function in functions(connection):
        if function.name in OVER_ALL_TENANTS:
            continue
        variables = function.variables()
        for node in function.nodes(ast.SelectStmt, ast.UpdateStmt, ast.DeleteStmt):
            found += [f"{function.name}: {name}" for name in unbound(node, variables)]
        for node in function.nodes(ast.InsertStmt):
            if node.relation.relname not in TENANT_COLUMN:
                continue
            select, names = node.selectStmt, [column.name for column in node.cols or ()]
            rows = select.valuesLists or ([target.val for target in select.targetList],)
            column = TENANT_COLUMN[node.relation.relname]
            if column not in names or any(
                path(row[names.index(column)])[-1:] not in {(name,) for name in variables}
                for row in rows
            ):
                found.append(f"{function.name}: INSERT")
    return found


def the_tenant_is_read_once(connection: Connection) -> list[str]:
    """Into a variable: a call in a query leads to no node."""
    tells = {"current_setting", "current_skill_message_tenant"}
    found = []
    for function in functions(connection):
        statements = [
            (s, [n for n in nodes(s) if type(n) is ast.RangeVar]) for s in function.statements()
        ]
        ours = [s for s, read in statements if any(t.relname in TENANT_COLUMN for t in read)]
        if any(called(statement) & tells for statement in ours):
            found.append(f"{function.name}: in a query")
        calls = [n for s in function.statements() for n in nodes(s) if type(n) is ast.FuncCall]
        reads = [
            call
            for call in calls
            if path(call)[-1] == "current_setting" and call.args[0].val.sval.endswith("tenant_id")
        ]
        if ours and len(reads) > 1:
            found.append(f"{function.name}: {len(reads)} times")
    return found


def what_is_called_runs_no_text(connection: Connection) -> list[str]:
    """EXECUTE hides its tables from this lint. SET LOCAL is the one statement that needs it."""
    return [
        f"{function.name}: EXECUTE"
        for function in functions(connection)
        if function.is_called
        for part in function.parts("PLpgSQL_stmt_dynexecute")
        if "'SET LOCAL " not in part["query"]["PLpgSQL_expr"]["query"]
    ]


def the_context_travels(connection: Connection) -> list[str]:
    """SET LOCAL goes along to other nodes, set_config() does not."""
    return [
        f"{function.name}: {call.args[0].val.sval}"
        for function in functions(connection)
        for call in function.nodes(ast.FuncCall)
        if path(call)[-1] == "set_config" and call.args[0].val.sval.startswith("app.")
    ]


def inserts_return_or_have_values(connection: Connection) -> list[str]:
    """INSERT … SELECT of a function's rows needs RETURNING, and these rows stand in its FROM."""
    returning_sets: LiteralString = "SELECT DISTINCT proname FROM pg_proc WHERE proretset"
    sets = {name for (name,) in connection.execute(returning_sets)}
    found = []
    for function in functions(connection):
        for node in function.nodes(ast.InsertStmt):
            if node.relation.relname in TENANT_COLUMN and not node.selectStmt.valuesLists:
                if called(node.selectStmt.targetList) & sets:
                    found.append(f"{function.name}: rows in the SELECT list")
                elif not node.returningList:
                    found.append(f"{function.name}: no RETURNING")
    return found


def set_mixes_no_column_with_a_clock(connection: Connection) -> list[str]:
    """SET column = coalesce(column, now()) is refused: what now() gives belongs in a variable."""
    changing: LiteralString = "SELECT DISTINCT proname FROM pg_proc WHERE provolatile <> 'i'"
    fickle = {name for (name,) in connection.execute(changing)}
    return [
        f"{function.name}: SET {target.name}"
        for function in functions(connection)
        for node in function.nodes(ast.UpdateStmt)
        if node.relation.relname in TENANT_COLUMN
        for target in node.targetList
        if (
            called(target.val) & fickle
            or any(type(n) is ast.SQLValueFunction for n in nodes(target.val))
        )
        and any(len(path(n)) == 2 for n in nodes(target.val) if type(n) is ast.ColumnRef)
    ]


def _listed(query: LiteralString) -> Rule:
    return lambda connection: [name for (name,) in connection.execute(query)]


no_row_type_in_a_signature = _listed(f"""
    SELECT DISTINCT p.proname::text
    FROM pg_proc AS p
    CROSS JOIN unnest(coalesce(p.proallargtypes, p.proargtypes) || p.prorettype) AS a (type)
    INNER JOIN pg_type AS t ON t.oid = a.type
    INNER JOIN pg_type AS base ON base.oid IN (t.oid, t.typelem)
    WHERE p.pronamespace IN {SCHEMAS} AND base.typrelid <> 0
""")

# None is deferred or sees the rows of a statement as a table. Notifications are the exception: off
# unless the owner switches them on, and they read no more than NEW.
triggers_are_before_and_by_row = _listed(f"""
    SELECT tgname::text
    FROM pg_trigger
    WHERE tgrelid = {TABLES} AND NOT tgisinternal
        AND ((tgtype & 67) <> 3 OR tgconstraint <> 0 OR coalesce(tgoldtable, tgnewtable) <> '')
        AND tgname NOT IN ('notify_sent', 'notify_decided')
""")

every_unique_key_has_the_tenant = _listed(f"""
    SELECT i.indexrelid::regclass::text
    FROM pg_index AS i
    WHERE i.indrelid = {TABLES} AND i.indisunique AND NOT EXISTS (
        SELECT
        FROM pg_attribute AS a
        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
            AND a.attname = CASE WHEN i.indrelid = 'public.tenants'::regclass
                THEN 'id' ELSE 'tenant_id' END
    )
""")

# So that both rows live on one node.
every_foreign_key_has_the_tenant = _listed(f"""
    SELECT c.conname::text
    FROM pg_constraint AS c
    WHERE c.contype = 'f' AND c.conrelid = {TABLES} AND NOT EXISTS (
        SELECT
        FROM unnest(c.conkey, c.confkey) AS k (here, there)
        INNER JOIN pg_attribute AS h ON h.attrelid = c.conrelid AND h.attnum = k.here
        INNER JOIN pg_attribute AS t ON t.attrelid = c.confrelid AND t.attnum = k.there
        WHERE h.attname = 'tenant_id' AND t.attname = CASE
            WHEN c.confrelid = 'public.tenants'::regclass THEN 'id' ELSE 'tenant_id' END
    )
""")


def triggers_read_no_table(connection: Connection) -> list[str]:
    """On a node, the name of a table leads to all nodes again."""
    query: LiteralString = f"""
        SELECT DISTINCT tgfoid::regproc::text FROM pg_trigger
        WHERE tgrelid = {TABLES} AND NOT tgisinternal
    """
    fired = {name.rpartition(".")[2] for (name,) in connection.execute(query)}
    return [
        f"{function.name}: {table.relname}"
        for function in functions(connection)
        if function.name in fired
        for table in function.nodes(ast.RangeVar)
    ]


def every_door_has_the_tenant(connection: Connection) -> list[str]:
    """Citus makes restrictive policies permissive: so each permissive one stands alone."""
    query: LiteralString = f"""
        SELECT polname || ' on ' || c.relname, c.relname, pg_get_expr(e.condition, c.oid)
        FROM pg_policy AS p
        INNER JOIN pg_class AS c ON c.oid = p.polrelid
        CROSS JOIN LATERAL (VALUES
            (polqual, polcmd <> 'a'), (coalesce(polwithcheck, polqual), polcmd IN ('a', 'w', '*'))
        ) AS e (condition, asked)
        WHERE c.oid = {TABLES} AND polpermissive AND asked
    """
    return sorted(
        {
            name
            for name, table, condition in connection.execute(query)
            if not any(
                equals(each)
                and path(each.lexpr) == (TENANT_COLUMN[table],)
                and path(each.rexpr) == ("current_setting",)
                and "app.current_tenant_id" in {getattr(n, "sval", None) for n in nodes(each.rexpr)}
                for each in conjuncts(parse_sql(f"SELECT {condition}")[0].stmt.targetList[0].val)
            )
        }
    )
