"""The client in the transactions, sessions and pools of its caller."""

import asyncio
import re
import tempfile
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

import skill_messages
from skill_messages import (
    AsyncSkillMessages,
    NewMessage,
    Stats,
)
from tests.client.conftest import context_of
from tests.conftest import Database, Flavour


def test_no_text_shows_up_in_the_servers_activity(
    act_as: Callable[..., Any], connection: Any, database: Database
) -> None:
    """Which another session of the same login may read, and the server's log repeats on errors."""
    act_as("ann").send_skill_message("ann", "bob", "sql", "A secret")
    query = "SELECT query FROM pg_stat_activity WHERE pid = %s"
    with database.connect("app_login") as other:
        row = other.execute(query, [connection.info.backend_pid]).fetchone()
    assert row is not None
    assert "send_skill_message" in row[0]
    assert "secret" not in row[0]


def test_tasks_that_share_a_connection(database: Database) -> None:
    """Each call is one statement: none gets into the transaction or the context of another."""

    async def calls() -> list[Any]:
        connect = psycopg.AsyncConnection.connect
        async with await connect(database.conninfo("app_login"), autocommit=True) as connection:
            ann = AsyncSkillMessages(connection, tenant_id="acme", user_id="ann")
            bob = AsyncSkillMessages(connection, tenant_id="acme", user_id="bob")
            return await asyncio.gather(
                *(ann.send_skill_message("ann", "bob", "sql", f"{n}") for n in range(5)),
                ann.mark_message_read("absent"),
                *(bob.get_message_stats() for _ in range(5)),
                return_exceptions=True,
            )

    answers = asyncio.run(calls())
    assert [type(answer) for answer in answers] == [
        *[str] * 5,
        skill_messages.MessageNotFoundError,
        *[Stats] * 5,
    ]
    assert answers[-1].pending == 5


def test_one_call_is_one_round_trip(act_as: Callable[..., Any], connection: Any) -> None:
    ann, bob = act_as("ann"), act_as("bob")

    def round_trips(call: Callable[[], Any]) -> int:
        """How often the server said that it awaits the next query."""
        with tempfile.TemporaryFile() as trace:
            connection.pgconn.trace(trace.fileno())
            call()
            connection.pgconn.untrace()
            trace.seek(0)
            return len(re.findall(rb"\tReadyForQuery\t", trace.read()))

    hello: NewMessage = {
        "from_user_id": "ann",
        "to_user_id": "bob",
        "subject_skill_id": "sql",
        "message": "Hello",
    }

    def calls(message_id: str) -> list[Callable[[], Any]]:
        return [
            lambda: ann.send_skill_message("ann", "bob", "sql", "Hello"),
            lambda: ann.send_skill_message("ann", "bob", "sql", "Hello", "postgres", message_id),
            lambda: bob.get_messages_for_user("bob"),
            lambda: bob.get_unread_count_for_user("bob"),
            lambda: bob.mark_message_read(message_id),
            lambda: bob.update_message_status(message_id, "accepted"),
            lambda: ann.send_skill_messages([hello] * 100),
            lambda: ann.get_messages_from_user("ann"),
            lambda: bob.get_named_messages_for_user("bob"),
            lambda: ann.get_named_messages_from_user("ann"),
            lambda: bob.get_skill_message(message_id),
            lambda: bob.mark_messages_read("bob"),
            lambda: bob.get_message_stats(),
            lambda: bob.export_user_messages("bob"),
        ]

    for call in calls("m1"):  # to prepare takes another, once
        call()
    assert [round_trips(call) for call in calls("m2")] == [1] * len(calls(""))
    with connection.transaction():
        assert round_trips(lambda: bob.get_messages_for_user("bob")) == 1


def test_only_what_is_asked_for_is_prepared(flavour: Flavour, connection: Any) -> None:
    """A pooler in transaction mode may know nothing of prepared statements."""
    for prepare, prepared in ((False, 0), (True, 1)):
        ann = flavour.client(connection, tenant_id="acme", user_id="ann", prepare=prepare)
        for _ in range(20):  # more often than psycopg would need by itself
            assert ann.get_unread_count_for_user("ann") == 0
        query = "SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'get_unread'"
        assert connection.execute(query).fetchone() == (prepared,)


def test_in_pipeline_mode(act_as: Callable[..., Any], connection: Any) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    with connection.pipeline() as pipeline:
        ids = [ann.send_skill_message("ann", "bob", "sql", f"{n}") for n in range(3)]
        assert {m.id for m in ann.get_messages_from_user("ann")} == set(ids)
        pipeline.sync()  # which ends the transaction
        assert {m.id for m in bob.get_messages_for_user("bob")} == set(ids)


def test_what_a_pipeline_has_not_synced_is_one_transaction(
    act_as: Callable[..., Any], connection: Any
) -> None:
    ann, bob = act_as("ann"), act_as("bob")

    def both_at_once() -> None:
        with connection.pipeline():
            ann.send_skill_message("ann", "bob", "sql", "Never mind")
            bob.get_messages_for_user("bob")

    with pytest.raises(skill_messages.ContextConflictError):
        both_at_once()
    assert bob.get_messages_for_user("bob") == []


def test_a_connection_with_a_tenant_as_its_default(flavour: Flavour, database: Database) -> None:
    """Which was chosen by nobody: a transaction may choose another one, once."""
    conninfo, options = database.conninfo("service_login"), "-c app.current_tenant_id=globex"
    with flavour.connect(conninfo, options=options, autocommit=True) as connection:
        acme = flavour.client(connection, tenant_id="acme")
        globex = flavour.client(connection, tenant_id="globex")
        for client, sender, skill in ((acme, "ann", "sql"), (globex, "gus", "welding")) * 2:
            assert client.send_skill_message(sender, sender, skill, "Note to self")
        with connection.transaction():
            assert [m.from_user_id for m in acme.get_messages_for_user("ann")] == ["ann"] * 2
            assert acme.mark_messages_read("ann") == 2
        with connection.transaction():
            assert acme.get_unread_count_for_user("ann") == 0
            with pytest.raises(skill_messages.ContextConflictError), connection.transaction():
                globex.get_unread_count_for_user("gus")
            assert acme.get_unread_count_for_user("ann") == 0
        assert globex.get_unread_count_for_user("gus") == 2


def test_autocommit_leaves_no_context(act_as: Callable[..., Any], connection: Any) -> None:
    act_as("ann").send_skill_message("ann", "bob", "sql", "Hello")
    assert context_of(connection) == ("", "")
    assert connection.execute("SELECT FROM skill_messages").fetchall() == []


def test_in_the_callers_transaction(
    flavour: Flavour, database: Database, act_as: Callable[..., Any]
) -> None:
    with flavour.connect(database.conninfo("service_login")) as connection:  # not autocommit
        ann = flavour.client(connection, tenant_id="acme", user_id="ann")
        ann.send_skill_message("ann", "bob", "sql", "Never mind", id="m1")
        connection.rollback()
        assert act_as("bob").get_messages_for_user("bob") == []
        assert context_of(connection) == ("", "")

        ann.send_skill_message("ann", "bob", "sql", "Group them?", "postgres", "m2")
        connection.commit()
        bob = flavour.client(connection, tenant_id="acme", user_id="bob")
        decided = bob.update_message_status("m2", "accepted")
        connection.execute(  # the caller's own work, in the same context and transaction
            "UPDATE skills SET name = 'PostgreSQL / SQL' WHERE id = %s", [decided.subject_skill_id]
        )
        connection.commit()
        assert context_of(connection) == ("", "")

    with database.connect() as connection:
        assert connection.execute("SELECT name FROM skills WHERE id = 'sql'").fetchall() == [
            ("PostgreSQL / SQL",)
        ]


def test_a_tenant_that_the_session_has_set(flavour: Flavour, database: Database) -> None:
    """Was chosen: it admits no other one, and stays as it is."""
    with flavour.connect(database.conninfo("service_login"), autocommit=True) as connection:
        connection.execute("SET app.current_tenant_id = 'acme'")
        acme = flavour.client(connection, tenant_id="acme")
        globex = flavour.client(connection, tenant_id="globex")
        for _ in range(2):
            assert acme.get_unread_count_for_user("ann") == 0
            with pytest.raises(skill_messages.ContextConflictError):
                globex.get_unread_count_for_user("gus")
            assert context_of(connection)[0] == "acme"
        connection.execute("RESET app.current_tenant_id")
        assert globex.get_unread_count_for_user("gus") == 0
        assert acme.get_unread_count_for_user("ann") == 0


def test_a_failed_call_spares_the_callers_transaction(
    act_as: Callable[..., Any], connection: Any
) -> None:
    ann = act_as("ann")
    with connection.transaction():
        ann.send_skill_message("ann", "bob", "sql", "First", id="m1")
        with pytest.raises(skill_messages.IdTakenError), connection.transaction():
            ann.send_skill_message("ann", "bob", "sql", "Second", id="m1")
    assert [m.message for m in act_as("bob").get_messages_for_user("bob")] == ["First"]


@pytest.mark.parametrize("autocommit", [True, False])
def test_with_a_pool(flavour: Flavour, database: Database, *, autocommit: bool) -> None:
    options = {"max_size": 1, "min_size": 1, "open": False, "kwargs": {"autocommit": autocommit}}
    with flavour.pool(database.conninfo("app_login"), **options) as pool:
        for tenant_id, sender, recipient, skill in (
            ("acme", "ann", "bob", "sql"),
            ("globex", "gus", "ida", "welding"),
        ):
            with pool.connection() as connection:
                client = flavour.client(connection, tenant_id=tenant_id, user_id=sender)
                client.send_skill_message(sender, recipient, skill, "Hello")
            with pool.connection() as connection:
                assert context_of(connection) == ("", "")
                client = flavour.client(connection, tenant_id=tenant_id, user_id=recipient)
                assert [m.from_user_id for m in client.get_messages_for_user(recipient)] == [sender]


def test_behind_pgbouncer(flavour: Flavour, database: Database, pgbouncer: int) -> None:
    """Two clients share one server connection, transaction by transaction."""
    address = f"host=127.0.0.1 port={pgbouncer} dbname={database.name} user=app_login"
    with (
        flavour.connect(address, autocommit=True) as first,
        flavour.connect(address, autocommit=True) as second,
    ):
        ann = flavour.client(first, tenant_id="acme", user_id="ann")
        gus = flavour.client(second, tenant_id="globex", user_id="gus")
        for number in range(20):  # more often than psycopg would need to prepare a statement
            ann.send_skill_message("ann", "bob", "sql", f"{number}")
            gus.send_skill_message("gus", "ida", "welding", f"{number}")
        assert context_of(first) == context_of(second) == ("", "")
        bob = flavour.client(second, tenant_id="acme", user_id="bob")
        assert {m.tenant_id for m in bob.iter_messages_for_user("bob", 7)} == {"acme"}
        assert bob.get_unread_count_for_user("bob") == 20
        pids = {c.execute("SELECT pg_backend_pid()").fetchone() for c in (first, second)}
        assert len(pids) == 1
