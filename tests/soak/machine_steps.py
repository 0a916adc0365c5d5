"""How the state machine makes a step, in the database and in the model, and compares the two."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, ClassVar

from hypothesis.stateful import RuleBasedStateMachine

from tests.conftest import Database
from tests.soak.machine_database import (
    ACTORS,
    Answer,
    Connection,
    Statement,
    hosts_of,
    is_equal,
    microseconds,
    reset,
    settle,
)
from tests.soak.model import TENANT, Message, Refused, Session, Settings, Time, World, at

# What cannot be text is refused by PostgreSQL before anybody else sees it.
LINE = ("id", "tenant_id", "from_user_id", "to_user_id", "message", "status")
NO_TEXT = {"22021", "22P02", "22P05"}


class Run:
    """What all examples of a run share: a database, its connections, and what was counted."""

    def __init__(self, database: Database) -> None:
        self.superuser = Connection(database, ACTORS["nobody"]._replace(login="postgres"))
        self.connections = {name: Connection(database, actor) for name, actor in ACTORS.items()}
        self.used = set(ACTORS)
        self.count = Counter[str]()
        self.kinds = Counter[str]()

    def close(self) -> None:
        for connection in (self.superuser, *self.connections.values()):
            connection.psycopg.close()

    def begin(self) -> dict[str, Session]:
        """A new example: everything as it was."""
        for name in self.used:
            self.connections[name].tell("ROLLBACK")
            self.connections[name].tell("DISCARD ALL")
        self.used.clear()
        reset(self.superuser.psycopg)
        self.count["examples"] += 1
        sessions = {}
        for name, actor in ACTORS.items():
            settings = Settings({TENANT: actor.default} if actor.default else {})
            sessions[name] = Session(actor.login, actor.member_of, settings, World())
        return sessions


class Steps(RuleBasedStateMachine):
    run_: ClassVar[Run]

    def __init__(self) -> None:
        super().__init__()
        self.sessions = self.run_.begin()
        self.committed = World()
        # Whose turn it is, what was set when its transaction began, and its savepoints.
        self.name = "service"
        self.begun: Settings | None = None
        self.savepoints: list[tuple[Settings, World]] = []
        # What a session has that no rollback takes away for sure.
        self.made: set[tuple[str, str]] = set()
        self.what = ""

    @property
    def me(self) -> Session:
        return self.sessions[self.name]

    @property
    def connection(self) -> Connection:
        self.run_.used.add(self.name)
        return self.run_.connections[self.name]

    def in_transaction(self) -> bool:
        return self.begun is not None

    def outside(self) -> bool:
        return self.begun is None

    def begin(self, mode: str) -> None:
        self.connection.tell(f"BEGIN {mode}")
        now = self.connection.run(Statement("SELECT pg_catalog.now()")).rows[0][0]
        self._begun()
        self.me.now = at(microseconds(now))
        self.me.read_only = "READ ONLY" in mode

    def _begun(self) -> None:
        self.begun = self.me.settings.copy()
        self.me.world = self.committed.copy()

    def end(self, commit: bool) -> None:
        if self.begun:
            self.connection.tell("COMMIT" if commit else "ROLLBACK")
            self._ended(commit)
            self._settle(hosts=True)

    def _ended(self, commit: bool) -> None:
        if commit:
            self.committed = self.me.world
            self.me.settings.local.clear()
        elif self.begun:
            self.me.settings = self.begun
        self.begun = None
        self.me.read_only = False
        self.savepoints.clear()

    def save(self) -> None:
        self.savepoints.append((self.me.settings.copy(), self.me.world.copy()))
        self.connection.tell(f"SAVEPOINT s{len(self.savepoints)}")

    def back_to(self, depth: int) -> None:
        """The savepoint itself stays, those after it are gone."""
        self.connection.tell(f"ROLLBACK TO s{depth}")
        del self.savepoints[depth:]
        settings, world = self.savepoints[-1]
        self.me.settings, self.me.world = settings.copy(), world.copy()
        self._settle(hosts=True)

    def step(
        self,
        kind: str,
        statement: Statement,
        expected: Callable[[Session], Any],
        shape: str = "nothing",
    ) -> Answer:
        """One statement of the actor. In a transaction, a savepoint undoes an error."""
        before = now()
        single = self.begun is None
        if single:
            self._begun()
        else:
            self.connection.tell("SAVEPOINT step")
        settings, world = self.me.settings.copy(), self.me.world.copy()
        visible = {message.key for message in self.me.visible}
        self.what = (
            f"{kind} as {self.name} {sorted(self.me.rights)} in {settings}:\n"
            f"{statement.bound} {statement.parameters!r:.500}"
        )
        answer = self.connection.run(statement)
        if shape == "lines":
            answer.columns = LINE
            answer.rows = [tuple(line[name] for name in LINE) for (line,) in answer.rows]
        self.me.clock = Time(before, now())
        if single:
            self.me.now = self.me.clock

        refused, result = set[str](), None
        try:
            result = expected(self.me)
        except Refused as refusal:
            refused = refusal.sqlstates
        if not statement.is_sendable:
            refused |= NO_TEXT
        got = answer.error.sqlstate if answer.error else None
        assert got in refused if refused else got is None, (
            f"{answer.error or answer.rows} ({got}), expected {sorted(refused) or result}\n"
            f"{self.what}"
        )
        self.run_.count["refused" if refused else "done"] += 1
        self.run_.kinds[kind] += 1

        assert visible.issuperset(answer.seen), f"a condition saw {answer.seen}"
        self._crosses_nothing(answer)
        if refused:
            self.me.settings, self.me.world = settings, world
            if not single:
                self.connection.tell("ROLLBACK TO step")
        if single:
            self._ended(commit=not refused)
        learnt = self._settle(hosts=kind.endswith(("skill", "user")))
        if not refused:
            self._answers(answer, result, shape, learnt)
        return answer

    def _settle(self, hosts: bool = False) -> dict[str, str]:
        """Compare all rows: as the transaction sees them, and as everybody else does."""
        learnt = {}
        if self.begun:
            learnt = settle(self.me.world, self.connection.messages())
            if hosts:
                assert hosts_of(self.me.world) == self.connection.hosts()
        learnt |= settle(self.committed, self.run_.superuser.messages())
        if hosts:
            assert hosts_of(self.committed) == self.run_.superuser.hosts()
        return learnt

    def _crosses_nothing(self, answer: Answer) -> None:
        """By the rows themselves, whatever the model says."""
        if "tenant_id" not in answer.columns:
            return
        for row in answer.rows:
            self.run_.count["rows"] += 1
            found = dict(zip(answer.columns, row, strict=True))
            crossed = found["tenant_id"] != self.me.tenant
            if "from_user_id" in found and "app" in self.me.rights:
                crossed |= self.me.user not in (found["from_user_id"], found["to_user_id"])
            if crossed:
                self.run_.count["crossed"] += 1
                raise AssertionError(f"a row of somebody else: {row}")

    def _answers(self, answer: Answer, result: Any, shape: str, learnt: dict[str, str]) -> None:
        world = self.me.world if self.begun else self.committed
        got: Any = answer.rows
        if shape == "count":
            got = answer.count
        elif shape == "value":
            result = (result() if callable(result) else learnt.get(result, result),)
        elif shape == "ids":
            got, result = sorted(got[0][0]), sorted(learnt.get(id_, id_) for id_ in result)
        elif shape in ("rows", "page", "lines"):
            shown = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
            got = [(row["tenant_id"], row["id"]) for row in shown]
            result = [(key[0], learnt.get(key[1], key[1])) for key in result]
            if shape != "page":
                got, result = sorted(got), sorted(result)
            for row in shown:
                # One that was deleted comes back with its key alone.
                message = world.messages.get((row["tenant_id"], row["id"]))
                assert message is None or all(
                    is_shown(message, column, row[column]) for column in row
                ), f"{row}, expected {message}\n{self.what}"
        if shape in ("value", "row"):
            got = got[0][: len(result)]
            assert all(map(is_equal, result, got)), f"{got}, expected {result}\n{self.what}"
        elif shape != "nothing":
            assert got == result, f"{got}, expected {result}\n{self.what}"


def now() -> int:
    return microseconds(datetime.now(timezone.utc))


NAMES = {
    "from_user_name": "from_user_id",
    "to_user_name": "to_user_id",
    "subject_skill_name": "subject_skill_id",
    "proposed_parent_skill_name": "proposed_parent_skill_id",
}


def is_shown(message: Message, column: str, value: Any) -> bool:
    if column == "tenant_name":
        return bool(value == f"Name of {message.tenant_id}")
    if column in NAMES:
        named = getattr(message, NAMES[column])
        return bool(value == (None if named is None else f"{named} of {message.tenant_id}"))
    expected = getattr(message, {"new_status": "status"}.get(column, column))
    return is_equal(expected, value)
