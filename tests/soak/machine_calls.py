"""The functions of the package, called by whoever has the turn in the state machine."""

# ruff: noqa: S608
# Statements are put together here: the values are bound.

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.soak import model_calls, values
from tests.soak.machine_contexts import Contexts, contexts, maybe, members
from tests.soak.machine_database import Age, Batch, Given, Statement
from tests.soak.model import Refused, Session

# A call relies on the context that there is, or sets one in the same statement.
inline = st.tuples(st.sampled_from(["one", "if none is there", "if none is there", "no"]), contexts)
moments = values.times.map(lambda literal: Given(literal, values.TIMES[literal]))
users = st.none() | maybe(values.users)
message_arguments = {
    "from_user_id": maybe(values.users),
    "to_user_id": maybe(values.users),
    "subject_skill_id": maybe(values.skills),
    "message": maybe(values.messages),
    "proposed_parent_skill_id": maybe(values.skills),
    "id": maybe(values.ids),
}
sound = st.fixed_dictionaries(
    {
        "from_user_id": st.sampled_from(["ann", "ann", "bob"]),
        "to_user_id": st.sampled_from(["ann", "bob", "cy", "gus"]),
        "subject_skill_id": st.just("sql"),
        "message": st.sampled_from(["Hello", "Mine under yours?"]),
    },
    optional={
        "proposed_parent_skill_id": st.sampled_from(["sql", "perl", "welding"]),
        "id": st.sampled_from(values.IDS),
    },
)
odd = st.one_of(
    st.none(),
    st.integers(),
    st.just({"odd": ""}),
    st.fixed_dictionaries({}, optional=message_arguments | {"id": st.integers() | st.just([])}),
)
batches = st.one_of(
    st.lists(sound, max_size=5),
    st.lists(sound, max_size=5),
    st.lists(sound | odd | st.fixed_dictionaries(message_arguments), max_size=5),
    odd,
    st.builds(lambda: [{}] * 1001),
)
# How long a text of a campaign may be, besides: a few of 100 MB take as long as all the rest.
HUGE = [10_001]
Inline = tuple[str, tuple[str, str | None]]


def plain(value: Any) -> Any:
    """An argument as the model takes it."""
    if isinstance(value, Batch):
        return value.elements
    return value.at if isinstance(value, Given) else value


class Calls(Contexts):
    def context_of(self, inline: Inline) -> tuple[str, str | None] | None:
        how, context = inline
        return context if how == "one" or (how != "no" and not self.me.tenant) else None

    def calls(self, name: str, given: dict[str, Any], inline: Inline, shape: str) -> None:
        context = self.context_of(inline)
        named = ", ".join(f"{argument} => {{}}" for argument in given)
        call, bound = f"public.{name}({named})", tuple(given.values())
        if context is None:
            statement = Statement(f"SELECT * FROM {call}", bound)
        else:
            columns = "(row).*" if shape in ("rows", "page", "row") else "row"
            statement = Statement(
                f"SELECT {columns} FROM (SELECT {call} AS row"
                " FROM public.set_skill_message_context({}, {})) AS called",
                (*bound, *context),
            )

        def expected(me: Session) -> Any:
            function = getattr(model_calls, name)
            arguments = {argument: plain(value) for argument, value in given.items()}
            try:
                if context is not None:
                    me.choose(*context)
            except Refused as refused:
                # Whether it may be called at all is asked first.
                may_not = model_calls.faults_of(lambda: function(me, **arguments)) & {"42501"}
                raise Refused(*refused.sqlstates, *may_not) from None
            return function(me, **arguments)

        self.step(name, statement, expected, shape)

    @rule(inline=inline, given=st.fixed_dictionaries(message_arguments))
    def sends_oddly(self, inline: Inline, given: dict[str, Any]) -> None:
        self.calls("send_skill_message", given, inline, "value")

    @rule(inline=inline, given=sound)
    def sends(self, inline: Inline, given: dict[str, Any]) -> None:
        """As the user in the context, if there is one."""
        context = self.context_of(inline)
        user = context[1] if context else self.me.user
        sender = {"from_user_id": user} if user else {}
        self.calls("send_skill_message", given | sender, inline, "value")

    @rule(
        inline=inline,
        given=sound,
        argument=st.sampled_from(list(message_arguments)),
        huge=st.integers(0, 99),
    )
    def sends_much(self, inline: Inline, given: dict[str, Any], argument: str, huge: int) -> None:
        text = "%s" * (HUGE[-1] // 2 if huge == 42 else 10_000)
        self.calls("send_skill_message", given | {argument: text}, inline, "value")

    @rule(inline=inline, messages=batches)
    def sends_many(self, inline: Inline, messages: Any) -> None:
        given = {"messages": Batch(messages)}
        self.calls("send_skill_messages", given, inline, "ids")

    @rule(
        inline=inline,
        box=st.sampled_from(
            [
                "get_messages_for_user",
                "get_messages_from_user",
                "get_named_messages_for_user",
                "get_named_messages_from_user",
            ]
        ),
        user=users,
        limit=maybe(values.limits),
        before=st.none() | st.tuples(maybe(moments), maybe(values.ids)),
        after=st.integers(-3, 5),
    )
    def reads_a_page(
        self, inline: Inline, box: str, user: Any, limit: Any, before: Any, after: int
    ) -> None:
        """The first, one that goes on after a message that there is, or one from anywhere."""
        known = list(self.me.world.messages.values())
        if 0 <= after < len(known):
            last = known[after]
            before = (Given.of(last.created_at), last.id)
        created_at, before_id = before or (None, None)
        given = {
            "user_id": user,
            "max_messages": limit,
            "before_created_at": created_at,
            "before_id": before_id,
        }
        self.calls(box, given, inline, "page")

    @rule(inline=inline, message_id=maybe(values.ids))
    def reads_one(self, inline: Inline, message_id: Any) -> None:
        self.calls("get_skill_message", {"message_id": message_id}, inline, "rows")

    @rule(inline=inline, user_id=users, at_most=maybe(values.counts))
    def counts(self, inline: Inline, user_id: Any, at_most: Any) -> None:
        given = {"user_id": user_id, "at_most": at_most}
        self.calls("get_unread_count_for_user", given, inline, "value")

    @rule(inline=inline, message_id=maybe(values.ids))
    def marks(self, inline: Inline, message_id: Any) -> None:
        self.calls("mark_message_read", {"message_id": message_id}, inline, "value")

    @rule(
        inline=inline,
        user_id=users,
        up_to_created_at=st.none() | moments,
        message_ids=st.none()
        | st.lists(maybe(values.ids), max_size=4)
        | st.builds(lambda: ["m1"] * 1001),
    )
    def marks_many(self, inline: Inline, **given: Any) -> None:
        self.calls("mark_messages_read", given, inline, "value")

    @rule(inline=inline, message_id=maybe(values.ids), status=maybe(values.statuses))
    def decides(self, inline: Inline, **given: Any) -> None:
        self.calls("update_message_status", given, inline, "rows")

    @rule(inline=inline)
    def looks_at_figures(self, inline: Inline) -> None:
        self.calls("get_message_stats", {}, inline, "row")

    @rule(inline=inline, user_id=users)
    def exports(self, inline: Inline, user_id: Any) -> None:
        self.calls("export_user_messages", {"user_id": user_id}, inline, "lines")

    @rule(inline=inline, user_id=users, keep_decided=maybe(st.booleans()))
    def erases(self, inline: Inline, **given: Any) -> None:
        self.calls("erase_user_messages", given, inline, "row")

    @precondition(lambda self: self.name == "retention")
    @rule(
        user_id=st.sampled_from(["ann", "bob"]),
        inline=st.tuples(st.just("one"), members),
        keep_decided=st.booleans(),
    )
    def erases_as_retention(self, inline: Inline, **given: Any) -> None:
        self.calls("erase_user_messages", given, inline, "row")

    @rule(
        age=values.ages,
        batch_size=st.sampled_from([1, 2, 1000, 0, -1, None]),
        tenant_id=maybe(values.tenants),
        pending=st.booleans(),
        unread=st.booleans(),
        dry_run=maybe(st.booleans()),
    )
    def purges(
        self, age: str, batch_size: Any, tenant_id: Any, pending: bool, unread: bool, dry_run: Any
    ) -> None:
        given = (values.AGES[age], batch_size, tenant_id, pending, unread, dry_run)
        statement = Statement(
            "CALL public.purge_skill_messages({}, {}, {}, {}, {}, {})",
            (Age(age), *given[1:]),
        )

        within = self.in_transaction()

        def expected(me: Session) -> int:
            found = model_calls.purge_skill_messages(me, *given)
            if within:
                raise Refused("2D000")
            # It commits, and with that its context ends.
            me.settings.local.clear()
            return found

        self.step("purge_skill_messages", statement, expected, "value")

    @rule(
        tenant_id=values.tenants,
        age=st.sampled_from(["0", "1 day"]),
        pending=st.booleans(),
        unread=st.booleans(),
        dry_run=st.booleans(),
    )
    def deletes_by_the_helper(
        self, tenant_id: str, age: str, pending: bool, unread: bool, dry_run: bool
    ) -> None:
        statement = Statement(
            "SELECT skill_messages_private.delete_skill_messages("
            "{}, pg_catalog.now() - {}, 1000, {}, {}, {})",
            (tenant_id, Age(age), pending, unread, dry_run),
        )
        self.step(
            "delete_skill_messages",
            statement,
            lambda me: model_calls.delete_skill_messages(
                me, tenant_id, values.AGES[age] or 0, pending, unread, dry_run
            ),
            "value",
        )
