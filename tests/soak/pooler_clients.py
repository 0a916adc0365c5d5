"""One of the clients behind the pooler: whom it acts for, and what it checks."""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from typing_extensions import Self

from skill_messages import (
    AlreadyDecidedError,
    IdTakenError,
    MessageNotFoundError,
)
from tests.conftest import SYNC, asynchronous

TENANTS = 20
IDS = 500
READ = "SELECT * FROM skill_messages LIMIT 20"
CONTEXT = "SELECT set_skill_message_context(%s, %s)"

# A lost or cancelled statement, and what an operation may refuse at random.
INTERRUPTED = (
    psycopg.OperationalError,
    errors.QueryCanceled,
    errors.IdleInTransactionSessionTimeout,
)
REFUSED = (AlreadyDecidedError, IdTakenError, MessageNotFoundError)


@dataclass
class Found:
    """What clients did and saw; `wrong` describes each row that was somebody else's."""

    operations: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, other: "Found") -> None:
        with self.lock:
            self.operations += other.operations
            self.faults += other.faults
            self.errors += other.errors
            self.rows += other.rows
            self.wrong += other.wrong


class Actor:
    """Works for another tenant and user each time, on a connection of its own to the pooler.

    Attributes:
        ordinary: How often it does each of its methods; their names begin with _.
        faulty: The same for faults.
    """

    ordinary: ClassVar[dict[str, float]] = {}
    faulty: ClassVar[dict[str, float]] = {}

    def __init__(self, address: str, number: int, *, seed: int, prepare: bool) -> None:
        self.found = Found()
        self._random = random.Random(f"{seed}-{number}")  # noqa: S311
        self._loop = asyncio.new_event_loop() if number % 2 else None
        self._flavour = asynchronous(self._loop) if self._loop else SYNC
        self._address = address
        self._is_app = "user=app_login" in address
        self._prepare = prepare
        self._connect()

    def _connect(self) -> None:
        threshold = 5 if self._prepare else None
        self._connection = self._flavour.connect(
            self._address, autocommit=True, prepare_threshold=threshold, row_factory=dict_row
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()
        if self._loop:
            self._loop.close()

    def act(self) -> None:
        """Do one thing, faults included, and check what comes back."""
        self._tenant, self._other = (f"t{n}" for n in self._random.sample(range(TENANTS), 2))
        self._user, self._peer = (f"u{n}" for n in self._random.sample(range(5), 2))
        self._id = f"m{self._random.randrange(IDS)}"
        weights = self.ordinary | self.faulty
        [name] = self._random.choices(list(weights), list(weights.values()))
        self.found.operations[name] += 1
        if name in self.faulty:
            self.found.faults[name.replace("_", " ")] += 1
        try:
            getattr(self, f"_{name}")(self._client(self._tenant))
        except (*INTERRUPTED, *REFUSED) as error:
            self.found.errors[error.sqlstate or "connection lost"] += 1
        except psycopg.Error as error:
            # A terminated server connection says so, and PgBouncer once more: two results, which
            # psycopg takes for an internal error.
            if self._connection.closed and not error.sqlstate:
                self.found.errors["connection lost"] += 1
            else:
                self.found.wrong.append(f"{name}: unexpected {error.sqlstate}: {error}")
        while self._connection.closed:
            with contextlib.suppress(psycopg.OperationalError):
                self._connect()

    def _client(self, tenant: str) -> Any:
        return self._flavour.client(
            self._connection, tenant_id=tenant, user_id=self._user, prepare=self._prepare
        )

    def _check(self, rows: Iterable[Any]) -> None:
        for row in rows:
            got = row if isinstance(row, dict) else row.to_dict()
            self.found.rows += 1
            people = [got["from_user_id"], got["to_user_id"]]
            own = " ".join([self._tenant, *people, ""])
            names = {got[name] for name in got if name.endswith("_user_name")}
            if (
                got["tenant_id"] != self._tenant
                or not got["message"].startswith(own)
                or not names <= {f"User of {self._tenant}"}
                or (self._is_app and self._user not in people)
            ):
                self.found.wrong.append(f"{self._tenant} {self._user} got {got}")

    @contextlib.contextmanager
    def _refused(self, error: type[psycopg.Error]) -> Iterator[None]:
        try:
            yield
        except error as seen:
            self.found.errors[str(seen.sqlstate)] += 1
        else:
            self.found.wrong.append(f"{self._tenant} {self._user}: no {error.__name__}")

    @contextlib.contextmanager
    def _transaction(self, **settings: str) -> Iterator[Any]:
        """A transaction that has read something."""
        with self._connection.transaction():
            self._connection.execute(CONTEXT, [self._tenant, self._user])
            for name, value in settings.items():
                self._connection.execute(f"SET LOCAL {name} = '{value}'")
            self._check(self._connection.execute(READ).fetchall())
            yield self._connection
