"""Whose turn it is in the state machine, its transactions, and all that may be set in them."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from psycopg import sql

from tests.soak import values
from tests.soak.machine_database import ACTORS, Statement, is_sendable
from tests.soak.machine_steps import Steps
from tests.soak.model import CHOSEN, RIGHTS, ROLE, TENANT, USER, Refused, Session


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values.mostly(strategy, st.none())


def sendable(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return strategy.filter(is_sendable)


# A context that makes sense, mostly: a user of that tenant.
members = st.sampled_from(
    [(tenant, user) for tenant in values.USERS for user in values.USERS[tenant]]
)
contexts = values.mostly(members, st.tuples(values.tenants, maybe(values.users)))
# A call sets its context in the same statement, or relies on the one that there is.
inline = st.none() | st.none() | contexts
settings = st.sampled_from([TENANT, TENANT, USER, USER, CHOSEN])


class Contexts(Steps):
    @rule(
        actor=st.sampled_from([*ACTORS, "service", "app", "app", "retention", "owner and service"]),
        context=contexts,
        how=st.sampled_from(["function", "function", "set_config", "SET LOCAL", "none"]),
        mode=st.sampled_from(
            [
                "",
                "",
                "",
                "READ ONLY",
                "ISOLATION LEVEL REPEATABLE READ",
                "ISOLATION LEVEL SERIALIZABLE",
            ]
        ),
        commit=st.sampled_from([True, True, True, False]),
    )
    def transaction(
        self, actor: str, context: tuple[str, str | None], how: str, mode: str, commit: bool
    ) -> None:
        self.end(commit)
        self.name = actor
        self.begin(mode)
        if how == "function":
            self.chooses(context)
        elif how != "none":
            for name, value in zip((TENANT, USER), context, strict=True):
                self.sets(name, value or "", how)

    @rule(actor=st.sampled_from(list(ACTORS)), commit=st.booleans())
    def turn(self, actor: str, commit: bool) -> None:
        self.end(commit)
        self.name = actor

    def somewhere(self, context: tuple[str, str | None]) -> None:
        """Direct SQL without any context comes to little: begin a transaction with one."""
        if self.outside() and not self.me.tenant:
            self.begin("")
            self.chooses(context)

    @rule(context=contexts)
    def chooses(self, context: tuple[str, str | None]) -> None:
        self.step(
            "set_skill_message_context",
            Statement("SELECT public.set_skill_message_context({}, {})", context),
            lambda me: me.choose(*context),
        )

    @rule(
        name=settings,
        value=sendable(values.tenants | values.users),
        how=st.sampled_from(["set_config", "SET LOCAL", "SET", "set_config for the session"]),
    )
    def sets(self, name: str, value: str, how: str) -> None:
        if not is_sendable(value):
            return
        if how.startswith("set_config"):
            local = how == "set_config"
            statement = Statement(
                f"SELECT pg_catalog.set_config('{name}', {{}}, {local})", (value,)
            )
        else:
            local = how == "SET LOCAL"
            statement = Statement(f"{how} {name} = {sql.Literal(value).as_string()}")
        self.step("settings", statement, lambda me: me.settings.set(name, value, local))

    @rule(name=st.sampled_from([TENANT, USER, CHOSEN, "ALL"]))
    def resets(self, name: str) -> None:
        names = (TENANT, USER, CHOSEN) if name == "ALL" else (name,)
        self.step("settings", Statement(f"RESET {name}"), lambda me: me.settings.reset(*names))

    @rule(role=st.sampled_from([*RIGHTS, "NONE"]), local=st.booleans())
    def becomes(self, role: str, local: bool) -> None:
        def expected(me: Session) -> None:
            if role != "NONE" and role not in (*me.member_of, me.login):
                raise Refused("42501")
            me.settings.set(ROLE, "" if role == "NONE" else role, local)

        self.step("SET ROLE", Statement(f"SET {'LOCAL' if local else ''} ROLE {role}"), expected)

    @rule(setting=st.sampled_from(values.HARMLESS), local=st.booleans())
    def sets_something_else(self, setting: str, local: bool) -> None:
        command = f"SET {'LOCAL' if local else ''} {setting}"
        self.step("harmless settings", Statement(command), lambda _: None)

    @rule(setting=st.sampled_from(values.FORBIDDEN))
    def sets_what_it_may_not(self, setting: str) -> None:
        def expected(_: Session) -> None:
            raise Refused("42501")

        self.step("forbidden settings", Statement(f"SET {setting}"), expected)

    @precondition(Steps.outside)
    @rule()
    def discards_all(self) -> None:
        def expected(me: Session) -> None:
            me.settings.session.clear()
            self.made = {made for made in self.made if made[0] != self.name}

        self.step("DISCARD ALL", Statement("DISCARD ALL"), expected)

    @precondition(Steps.in_transaction)
    @rule()
    def savepoint(self) -> None:
        self.save()

    @precondition(lambda self: self.savepoints)
    @rule(data=st.data())
    def rolls_back(self, data: st.DataObject) -> None:
        self.back_to(data.draw(st.integers(1, len(self.savepoints))))
