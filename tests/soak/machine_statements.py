"""Direct SQL on the tables, by whoever has the turn in the state machine."""

# ruff: noqa: S608
# Statements are put together here: the values are bound.

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.soak import model_statements as model
from tests.soak import values
from tests.soak.machine_calls import Calls, moments
from tests.soak.machine_contexts import contexts, maybe, sendable
from tests.soak.machine_database import Given, Statement
from tests.soak.model import TENANT, Message, Session, at


@dataclass(frozen=True)
class Where:
    """A condition, in SQL and in the model."""

    column: str | None
    value: str | None = None
    or_any: bool = False
    spied: bool = False

    @property
    def sql(self) -> str:
        compared = f"{self.column} = {{}}" if self.column else "true"
        if self.column == "read_at":
            compared = "read_at IS NULL"
        # A function of the caller's tells which rows it was asked about.
        spy = "soak.spy(tenant_id, id) AND " if self.spied else ""
        return f"{spy}({compared}{' OR id IS NOT NULL' if self.or_any else ''})"

    @property
    def is_blind(self) -> bool:
        return self.column is None and not self.spied

    @property
    def values(self) -> tuple[str, ...]:
        return () if self.value is None else (self.value,)

    def __call__(self, message: Message) -> bool:
        return (
            self.or_any or self.column is None or bool(getattr(message, self.column) == self.value)
        )


columns_compared = {
    "id": values.ids,
    "tenant_id": values.tenants,
    "to_user_id": values.users,
    "status": st.sampled_from(["pending", "accepted"]),
}
conditions = st.one_of(
    *[
        st.builds(Where, st.just(column), sendable(columns_compared[column]), any_row, any_row)
        for column in ("id", "id", "id", "tenant_id", "to_user_id", "status")
        for any_row in [st.sampled_from([False, False, False, True])]
    ],
    st.builds(Where, st.sampled_from([None, "read_at"]), spied=st.booleans()),
)
changes = st.one_of(
    st.tuples(st.just("status"), maybe(sendable(values.statuses) | st.just("pending"))),
    st.tuples(st.just("read_at"), maybe(moments)),
)
other_changes = st.one_of(
    st.tuples(st.just("message"), sendable(values.messages) | st.just("[erased]")),
    st.tuples(st.just("to_user_id"), sendable(values.users)),
    st.tuples(st.just("tenant_id"), sendable(values.tenants)),
    st.tuples(st.just("id"), sendable(values.ids)),
)
new_rows = st.fixed_dictionaries(
    {
        "tenant_id": maybe(values.tenants),
        "from_user_id": maybe(values.users),
        "to_user_id": maybe(values.users),
        "subject_skill_id": maybe(values.skills),
        "message": maybe(values.messages),
    },
    optional={
        "id": maybe(values.ids),
        "proposed_parent_skill_id": maybe(values.skills),
        "status": st.just("pending") | maybe(values.statuses),
        "created_at": maybe(moments),
        "read_at": st.none() | maybe(moments),
        "answered_at": st.none() | maybe(moments),
    },
)
sound_rows = st.fixed_dictionaries(
    {
        "from_user_id": st.sampled_from(["ann", "ann", "bob"]),
        "to_user_id": st.sampled_from(["ann", "bob", "cy", "gus"]),
        "subject_skill_id": st.just("sql"),
        "message": st.just("Hello"),
        "id": st.sampled_from(values.IDS),
    },
    optional={
        "status": st.just("pending"),
        "created_at": moments,
        "proposed_parent_skill_id": st.sampled_from(["sql", "perl"]),
    },
)
# As the columns of a result: one table may be read in many ways.
READS = {
    "SELECT": "SELECT {columns} FROM public.skill_messages WHERE {condition}",
    "CTE": (
        "WITH m AS MATERIALIZED (SELECT * FROM public.skill_messages)"
        " SELECT {columns} FROM m WHERE {condition}"
    ),
    "subquery": (
        "SELECT {columns} FROM public.skill_messages WHERE (id, tenant_id) IN"
        " (SELECT id, tenant_id FROM public.skill_messages WHERE {condition})"
    ),
    "FOR KEY SHARE": "SELECT {columns} FROM public.skill_messages WHERE {condition} FOR KEY SHARE",
}


Context = tuple[str, str | None]
UPSERT = "ON CONFLICT (id, tenant_id) DO UPDATE SET name = excluded.name"


def modelled(value: Any) -> Any:
    return at(value.at) if isinstance(value, Given) else value


class Statements(Calls):
    @rule(
        way=st.sampled_from(["SELECT", "SELECT", "CTE", "subquery"]),
        columns=st.sampled_from([model.COLUMNS, model.COLUMNS, model.FEW]),
        where=conditions,
        context=contexts,
    )
    def reads(self, way: str, columns: tuple[str, ...], where: Where, context: Context) -> None:
        self.somewhere(context)
        query = READS[way].format(columns=", ".join(columns), condition=where.sql)
        self.step(
            f"{way} of rows",
            Statement(query, where.values),
            lambda me: model.select(me, model.COLUMNS if way == "CTE" else columns, where),
            "rows",
        )

    @rule(where=conditions, change=changes | changes | other_changes, context=contexts)
    def updates(self, where: Where, change: tuple[str, Any], context: Context) -> None:
        self.somewhere(context)
        column, value = change
        self.step(
            "UPDATE",
            Statement(
                f"UPDATE public.skill_messages SET {column} = {{}} WHERE {where.sql}"
                " RETURNING id, tenant_id",
                (value, *where.values),
            ),
            lambda me: model.update(me, where, column, modelled(value)),
            "rows",
        )

    @precondition(lambda self: self.me.rights & {"retention", "owner"})
    @rule(where=conditions, change=other_changes, context=contexts)
    def edits(self, where: Where, change: tuple[str, Any], context: Context) -> None:
        self.updates(where, change, context)

    @rule(where=conditions, change=changes, context=contexts)
    def merges(self, where: Where, change: tuple[str, Any], context: Context) -> None:
        self.somewhere(context)
        column, value = change
        self.step(
            "MERGE",
            Statement(
                "MERGE INTO public.skill_messages AS m USING (VALUES (1)) AS one (row)"
                f" ON {where.sql} WHEN MATCHED THEN UPDATE SET {column} = {{}}",
                (*where.values, value),
            ),
            lambda me: len(model.merge(me, where, where.is_blind, column, modelled(value))),
            "count",
        )

    @rule(where=conditions, context=contexts)
    def deletes(self, where: Where, context: Context) -> None:
        self.somewhere(context)
        statement = Statement(
            f"DELETE FROM public.skill_messages WHERE {where.sql} RETURNING id, tenant_id",
            where.values,
        )
        self.step("DELETE", statement, lambda me: model.delete(me, where), "rows")

    def inserts(self, row: dict[str, Any], on_conflict: str, change: tuple[str, Any]) -> None:
        end, bound = on_conflict, tuple(row.values())
        if on_conflict == "DO UPDATE":
            end = f"(id, tenant_id) DO UPDATE SET {change[0]} = {{}}"
            bound = (*bound, change[1])
        statement = Statement(
            f"INSERT INTO public.skill_messages ({', '.join(row)})"
            f" VALUES ({', '.join(['{}'] * len(row))}) {end and 'ON CONFLICT'} {end}"
            " RETURNING id, tenant_id",
            bound,
        )

        def expected(me: Session) -> Any:
            given = {column: modelled(value) for column, value in row.items()}
            return model.insert(me, given, on_conflict, (change[0], modelled(change[1])))

        self.step(f"INSERT {on_conflict}".strip(), statement, expected, "rows")

    on_conflicts = st.sampled_from(["", "DO NOTHING", "DO UPDATE", "DO UPDATE"])

    @rule(row=new_rows, on_conflict=on_conflicts, change=changes, context=contexts)
    def inserts_oddly(
        self, row: Any, on_conflict: str, change: tuple[str, Any], context: Context
    ) -> None:
        self.somewhere(context)
        self.inserts(row, on_conflict, change)

    @rule(
        row=sound_rows,
        on_conflict=on_conflicts,
        change=changes,
        context=contexts,
        as_itself=st.booleans(),
    )
    def inserts_soundly(
        self,
        row: Any,
        on_conflict: str,
        change: tuple[str, Any],
        context: Context,
        as_itself: bool,
    ) -> None:
        """In the context that there is."""
        self.somewhere(context)
        if "app" in self.me.rights:
            row = {column: row[column] for column in row if column in model.SENT}
            if as_itself:
                row["from_user_id"] = self.me.user
        self.inserts({"tenant_id": self.me.tenant} | row, on_conflict, change)

    @rule(skill_id=sendable(values.skills), context=contexts)
    def deletes_a_skill(self, skill_id: str, context: Context) -> None:
        self.somewhere(context)
        statement = Statement("DELETE FROM public.skills WHERE id = {}", (skill_id,))
        self.step(
            "DELETE of a skill", statement, lambda me: model.delete_skill(me, skill_id), "count"
        )

    @rule(
        tenant_id=maybe(values.tenants),
        skill_id=values.skills.filter(lambda skill: len(skill) < 600),
        on_conflict=st.sampled_from(["", "ON CONFLICT DO NOTHING", UPSERT]),
        context=contexts,
    )
    def adds_a_skill(
        self, tenant_id: str | None, skill_id: str, on_conflict: str, context: Context
    ) -> None:
        self.somewhere(context)
        tenant = self.me.tenant if tenant_id is None else tenant_id
        statement = Statement(
            "INSERT INTO public.skills (tenant_id, id, name) VALUES ({}, {},"
            f" pg_catalog.concat({{}}, ' of ', {{}})) {on_conflict}",
            (tenant, skill_id, skill_id, tenant),
        )
        self.step(
            "INSERT of a skill",
            statement,
            lambda me: model.add_skill(me, tenant, skill_id, on_conflict),
            "count",
        )

    @rule(user_id=sendable(values.users), context=contexts)
    def deletes_a_user(self, user_id: str, context: Context) -> None:
        self.somewhere(context)
        statement = Statement("DELETE FROM public.users WHERE id = {}", (user_id,))
        self.step("DELETE of a user", statement, lambda me: model.delete_user(me, user_id), "count")

    @rule(what=st.sampled_from(values.SHADOWS))
    def shadows(self, what: str) -> None:
        """Once a session: something temporary with the name of what the package uses."""
        if (self.name, what) not in self.made and not self.me.read_only:
            self.made.add((self.name, what))
            self.step("shadows", Statement(f"CREATE {what}"), lambda _: None)

    @rule(context=contexts)
    def executes(self, context: Context) -> None:
        """A statement that was prepared once a session, in whatever context and role."""
        self.somewhere(context)
        if (self.name, "look") not in self.made:
            self.made.add((self.name, "look"))
            query = f"SELECT {', '.join(model.COLUMNS)} FROM public.skill_messages"
            self.connection.tell(f"PREPARE look AS {query}")
        self.step(
            "EXECUTE of a prepared SELECT",
            Statement("EXECUTE look"),
            lambda me: model.select(me, model.COLUMNS, lambda _: True),
            "rows",
        )

    @precondition(Calls.in_transaction)
    @rule(context=contexts, hold=st.booleans(), first=st.booleans())
    def keeps_a_cursor(self, context: Context, hold: bool, first: bool) -> None:
        """Across contexts, it shows no more than its session could see when it was declared."""
        could = {message.key for message in self.me.visible}
        query = "SELECT tenant_id AS tenant, id FROM public.skill_messages"
        declare = f"DECLARE look CURSOR {'WITH HOLD' if hold else ''} FOR {query}"
        failed = self.step(
            "cursor",
            Statement(declare),
            lambda me: model.select(me, model.FEW, lambda _: True),
        ).error
        if failed:
            return
        rows = self.connection.run(Statement("FETCH 1 FROM look")).rows if first else []
        if hold:
            self.end(commit=True)
            self.begin("")
            self.chooses(context)
        else:
            self.sets(TENANT, context[0], "SET LOCAL")
            could |= {message.key for message in self.me.visible}
        rows += self.connection.run(Statement("FETCH ALL FROM look")).rows
        assert set(rows) <= could, f"the cursor showed {rows}"
        self.connection.tell("CLOSE look")
