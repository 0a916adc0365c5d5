"""Transactions at once: the second waits for the first, and then the rules hold for it too.

Those that lock many rows do so in one order, so that none ever waits in a circle.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
import pytest
from typing_extensions import LiteralString

from skill_messages import AlreadyDecidedError, IdTakenError, NewMessage, SkillMessages
from tests.conftest import Database

T = TypeVar("T")


@contextlib.contextmanager
def clients(
    database: Database,
) -> Iterator[tuple[SkillMessages, SkillMessages, psycopg.Connection]]:
    """Two clients of acme's service, and the connection of the first."""
    with database.connect("service_login") as one, database.connect("service_login") as two:
        yield SkillMessages(one, tenant_id="acme"), SkillMessages(two, tenant_id="acme"), one


def behind(
    database: Database,
    first: psycopg.Connection[Any],
    early: Callable[[], object],
    late: Callable[[], T],
) -> Future[T]:
    """Do ``early`` in a transaction, commit it only once ``late`` waits for its lock."""
    with ThreadPoolExecutor() as pool, database.connect() as watcher:
        with first.transaction():
            early()
            pending = pool.submit(late)
            query = "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
            deadline = time.monotonic() + 30
            while not watcher.execute(query, [database.name]).rowcount:
                assert time.monotonic() < deadline, "nobody waits"
                assert not pending.done(), "nobody waited"
        pending.exception()
        return pending


def test_one_of_two_decisions_counts(database: Database) -> None:
    with clients(database) as (ann, bob, connection):
        message_id = ann.send_skill_message("ann", "bob", "sql", "Hello")
        late = behind(
            database,
            connection,
            lambda: ann.update_message_status(message_id, "accepted"),
            lambda: bob.update_message_status(message_id, "declined"),
        )
        with pytest.raises(AlreadyDecidedError):
            late.result()
        assert [m.status for m in bob.get_messages_for_user("bob")] == ["accepted"]


def test_the_first_of_two_readings_stands(database: Database) -> None:
    with clients(database) as (ann, bob, connection):
        message_id = ann.send_skill_message("ann", "bob", "sql", "Hello")
        readings = []
        late = behind(
            database,
            connection,
            lambda: readings.append(ann.mark_message_read(message_id)),
            lambda: bob.mark_message_read(message_id),
        )
        assert [late.result()] == readings


@pytest.mark.parametrize("same_content", [True, False])
def test_two_sends_with_one_id(database: Database, *, same_content: bool) -> None:
    with clients(database) as (ann, bob, connection):
        late = behind(
            database,
            connection,
            lambda: ann.send_skill_message("ann", "bob", "sql", "Hello", id="m1"),
            lambda: bob.send_skill_message(
                "ann", "bob", "sql", "Hello" if same_content else "Else", id="m1"
            ),
        )
        if same_content:
            assert late.result() == "m1"
        else:
            with pytest.raises(IdTakenError):
                late.result()
        assert [m.message for m in bob.get_messages_for_user("bob")] == ["Hello"]


def test_reading_all_of_an_inbox_lets_others_send(database: Database) -> None:
    with clients(database) as (ann, bob, connection):
        ann.send_skill_messages(
            [
                {
                    "from_user_id": "ann",
                    "to_user_id": "bob",
                    "subject_skill_id": "sql",
                    "message": f"{number}",
                }
                for number in range(1000)
            ]
        )
        with connection.transaction():
            assert ann.mark_messages_read("bob") == 1000
            with database.connect("service_login", options="-c lock_timeout=5s") as other:
                cy = SkillMessages(other, tenant_id="acme")
                assert cy.send_skill_message("cy", "bob", "sql", "Meanwhile")
                assert cy.send_skill_message("bob", "cy", "sql", "Meanwhile")
        assert bob.get_unread_count_for_user("bob") == 1


def test_what_was_not_on_the_screen_stays_unread(database: Database) -> None:
    """Its transaction began before the page was read, and ended after."""
    with clients(database) as (ann, bob, connection):
        with connection.transaction():
            late = ann.send_skill_message("ann", "bob", "sql", "Began first, seen last")
            time.sleep(0.002)
            on_screen = bob.send_skill_message("ann", "bob", "sql", "On the screen")
            page = bob.get_messages_for_user("bob")
            assert [message.id for message in page] == [on_screen]
        assert bob.mark_messages_read("bob", message_ids=[message.id for message in page]) == 1
        newest, oldest = bob.get_messages_for_user("bob")
        assert (newest.id, oldest.id) == (on_screen, late)
        assert newest.read_at is not None
        assert oldest.read_at is None
        # A time is approximate, as its description says.
        assert bob.mark_messages_read("bob", page[0].created_at) == 1


ROUNDS = 60
MESSAGES = 100

# For each round a recipient, a subject and a parent of its own; ids that sort otherwise than the
# messages lie; texts long enough for several pages.
CROWD: LiteralString = """
    INSERT INTO users SELECT 'u' || n, 'acme', 'User' FROM generate_series(1, {0}) AS n;
    INSERT INTO skills SELECT kind || n, 'acme', 'Skill'
    FROM generate_series(1, {0}) AS n, unnest(ARRAY['s', 'p']) AS kind;
    SET session_replication_role = replica;
    INSERT INTO skill_messages (
        id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id,
        message, status, created_at
    )
    SELECT
        md5(concat_ws('-', n, place)), 'acme', 'ann', 'u' || n, 's' || n, 'p' || n,
        repeat('x', 100),
        CASE place % 2 WHEN 0 THEN 'pending' ELSE 'accepted' END, '2026-01-01'
    FROM generate_series(1, {0}) AS n, generate_series(1, {1}) AS place;
    SET session_replication_role = DEFAULT;
    ANALYZE skill_messages;
"""

# Each pending message in a transaction of its own: a decided one may come to lie elsewhere.
DECIDE = """
    DO $$ BEGIN
    FOR v_place IN 2..{1} BY 2 LOOP
        PERFORM set_skill_message_context('acme');
        BEGIN
            PERFORM update_message_status(md5(concat_ws('-', {0}, v_place)), 'declined');
        EXCEPTION WHEN SQLSTATE 'SM002' THEN NULL;
        END;
        COMMIT;
    END LOOP;
    END $$
"""

# Who does what in a round, and what never holds once all have done so.
JOBS = {
    "read all": ("service_login", "SELECT mark_messages_read('u{0}')", "read_at IS NULL"),
    "read these": (
        "service_login",
        "SELECT mark_messages_read('u{0}', message_ids => ARRAY(SELECT id FROM skill_messages "
        "WHERE to_user_id = 'u{0}' ORDER BY random()))",
        "read_at IS NULL",
    ),
    "decide": ("service_login", DECIDE, "status = 'pending'"),
    "erase": (
        "retention_login",
        "SELECT erase_user_messages('u{0}')",
        "status = 'pending' OR message <> '[erased]'",
    ),
    "erase all": ("retention_login", "SELECT erase_user_messages('u{0}', false)", "true"),
    "purge": ("retention_login", "CALL purge_skill_messages('1 day', 20, 'acme', true)", "false"),
    "delete subject": ("service_login", "DELETE FROM skills WHERE id = 's{0}'", "true"),
    "delete parent": (
        "service_login",
        "DELETE FROM skills WHERE id = 'p{0}'",
        "proposed_parent_skill_id IS NOT NULL",
    ),
}


def side_by_side(database: Database, *jobs: Callable[[int], object], deadlocks: int = 0) -> None:
    """Do all jobs of a round at the same time, round after round; no error.

    Of deadlocks there may be so many, and whoever meets one does its job again.
    """
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = %s"
    with database.connect() as superuser:
        before = superuser.execute(query, [database.name]).fetchone()

    start = threading.Barrier(len(jobs))

    def work(job: Callable[[int], object]) -> list[psycopg.Error]:
        errors: list[psycopg.Error] = []
        for number in range(1, ROUNDS + 1):
            start.wait(timeout=60)
            try:
                job(number)
            except psycopg.errors.DeadlockDetected as error:
                if not deadlocks:
                    errors.append(error)
                job(number)
            except psycopg.Error as error:
                errors.append(error)
        return errors

    with ThreadPoolExecutor() as pool:
        assert [error for errors in pool.map(work, jobs) for error in errors] == []
    with database.connect() as superuser:
        after = superuser.execute(query, [database.name]).fetchone()
        assert before
        assert after
        assert after[0] - before[0] <= deadlocks


@pytest.fixture
def crowd(database: Database) -> Database:
    with database.connect() as superuser:
        superuser.execute(CROWD.format(ROUNDS, MESSAGES).encode())
        # A circle is looked for as soon as somebody waits.
        superuser.execute(f"ALTER DATABASE {database.name} SET deadlock_timeout = '20ms'".encode())
    return database


@pytest.mark.parametrize(
    "at_once",
    [
        ("read all", "read these", "decide"),
        ("read all", "erase", "decide"),
        ("read all", "read these", "erase"),
        ("read all", "erase all", "erase"),
        ("read all", "read these", "purge"),
        ("read all", "read these", "delete subject"),
        ("read all", "read these", "delete parent"),
        ("erase", "delete subject"),
        ("erase", "delete parent"),
        ("erase", "purge", "read all"),
    ],
    ids=" and ".join,
)
def test_no_two_operations_wait_for_each_other(crowd: Database, at_once: tuple[str, ...]) -> None:
    with contextlib.ExitStack() as stack:

        def job(name: str) -> Callable[[int], object]:
            user, statement, _ = JOBS[name]
            connection = stack.enter_context(crowd.connect(user))
            if "SELECT" in statement or "DELETE" in statement:  # others commit by themselves
                statement = f"SELECT set_skill_message_context('acme'); {statement}"
            return lambda number: connection.execute(statement.format(number, MESSAGES).encode())

        # The host's DELETE locks in the order of what it sees, and rows move when they are marked.
        # That our own operations keep their order is for the cases without one.
        deleting = any(name.startswith("delete") for name in at_once)
        side_by_side(crowd, *map(job, at_once), deadlocks=2 if deleting else 0)

    with crowd.connect() as superuser:
        for name in at_once:
            query = f"SELECT count(*) FROM skill_messages WHERE {JOBS[name][2]}"  # noqa: S608
            assert superuser.execute(query.encode()).fetchone() == (0,), name


@pytest.mark.parametrize("content", ["same", "different", "faulty"])
def test_batches_with_the_same_ids_in_other_orders(crowd: Database, content: str) -> None:
    """Each is stored whole or not at all, and one of them is, unless it has a fault."""
    stored: list[list[str]] = [[] for _ in range(ROUNDS + 1)]
    refusal = psycopg.errors.ForeignKeyViolation if content == "faulty" else IdTakenError
    with contextlib.ExitStack() as stack:

        def job(order: str) -> Callable[[int], None]:
            connection = stack.enter_context(crowd.connect("service_login"))
            client = SkillMessages(connection, tenant_id="acme")

            def send(number: int) -> None:
                batch: list[NewMessage] = [
                    {
                        "from_user_id": "ann",
                        "to_user_id": "bob" if place or content != "faulty" else "nobody",
                        "subject_skill_id": "sql",
                        "message": order if content == "different" else "Hello",
                        "id": f"{number}-{place}",
                    }
                    for place in range(MESSAGES)
                ]
                if order == "backwards":
                    batch.reverse()
                elif order == "shuffled":
                    random.Random(number).shuffle(batch)  # noqa: S311
                ids = [str(element["id"]) for element in batch]
                with contextlib.suppress(refusal):
                    assert client.send_skill_messages(batch) == ids
                    stored[number].append(order)

            return send

        orders = ["backwards", "forwards", "shuffled"]
        side_by_side(crowd, *map(job, orders))

    with crowd.connect() as superuser:
        for number, by in enumerate(stored[1:], start=1):
            query = "SELECT message, count(*) FROM skill_messages WHERE id LIKE %s GROUP BY message"
            found = superuser.execute(query, [f"{number}-%"]).fetchall()
            if content == "faulty":
                assert (by, found) == ([], [])
            elif content == "same":
                assert (sorted(by), found) == (orders, [("Hello", MESSAGES)])
            else:
                assert len(by) == 1
                assert found == [(by[0], MESSAGES)]
