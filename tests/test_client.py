"""The Python package, sync and async, against the real thing."""

import inspect
import re
import tempfile
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import skill_messages
from conftest import Database, Flavour
from skill_messages import (
    AsyncSkillMessages,
    Erasure,
    Message,
    NamedMessage,
    NewMessage,
    SkillMessages,
)


@pytest.fixture
def connection(flavour: Flavour, database: Database) -> Any:
    with flavour.connect(database.conninfo("app_login"), autocommit=True) as connection:
        yield connection


@pytest.fixture(params=[False, True], ids=["", "prepared"])
def act_as(request: pytest.FixtureRequest, flavour: Flavour, connection: Any) -> Callable[..., Any]:
    """A client for a user, by default of acme, all on the same connection."""

    def client(user_id: str | None, tenant_id: str = "acme") -> Any:
        return flavour.client(
            connection, tenant_id=tenant_id, user_id=user_id, prepare=request.param
        )

    return client


@pytest.fixture
def service(flavour: Flavour, database: Database) -> Any:
    """A client of acme's trusted code."""
    with flavour.connect(database.conninfo("service_login"), autocommit=True) as connection:
        yield flavour.client(connection, tenant_id="acme")


def context_of(connection: Any) -> tuple[Any, ...]:
    query = "SELECT current_setting(%s, true), current_setting(%s, true)"
    row = connection.execute(query, ["app.current_tenant_id", "app.current_user_id"]).fetchone()
    assert isinstance(row, tuple)
    return row


def test_a_message_from_proposal_to_decision(act_as: Callable[..., Any]) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    text = """It's "the same", 100 % \\ $1 %s :name 🐘"""

    message_id = ann.send_skill_message("ann", "bob", "sql", text, "postgres")
    assert UUID(message_id).version == 7
    assert bob.get_unread_count_for_user("bob") == 1
    [received] = bob.get_messages_for_user("bob")
    assert received == Message(
        message_id,
        "acme",
        "ann",
        "bob",
        "sql",
        "postgres",
        text,
        "pending",
        received.created_at,
        None,
    )
    assert received.created_at.utcoffset() is not None

    read_at = bob.mark_message_read(message_id)
    assert isinstance(read_at, datetime)
    assert bob.mark_message_read(message_id) == read_at
    assert bob.get_unread_count_for_user("bob", at_most=5) == 0

    decided = bob.update_message_status(message_id, "accepted")
    assert (decided.id, decided.status, decided.read_at) == (message_id, "accepted", read_at)


def test_a_retry_stores_nothing(act_as: Callable[..., Any]) -> None:
    ann = act_as("ann")
    for _ in range(2):
        assert ann.send_skill_message("ann", "bob", "sql", "Same?", id="m1") == "m1"
    assert len(act_as("bob").get_messages_for_user("bob")) == 1


def test_walks_all_pages_in_order(act_as: Callable[..., Any], connection: Any) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    with connection.transaction():  # one transaction, one created_at: order is by id alone
        same_time = [ann.send_skill_message("ann", "bob", "sql", f"{n}") for n in range(7)]
    later = [ann.send_skill_message("ann", "bob", "sql", f"{n}") for n in range(3)]
    expected = [*reversed(later), *sorted(same_time, reverse=True)]

    for page_size in (1, 3, 5, 10, 50):
        walked = [message.id for message in bob.iter_messages_for_user("bob", page_size)]
        assert walked == expected


def test_the_sent_box(act_as: Callable[..., Any]) -> None:
    ann = act_as("ann")
    sent = [ann.send_skill_message("ann", to, "sql", "Hello") for to in ("bob", "cy", "ann")]
    act_as("bob").send_skill_message("bob", "ann", "sql", "Hello")
    assert [message.id for message in ann.get_messages_from_user("ann", 2)] == sent[:0:-1]
    assert [message.id for message in ann.iter_messages_from_user("ann", 2)] == sent[::-1]


def test_one_message_with_all_names(act_as: Callable[..., Any]) -> None:
    message_id = act_as("ann").send_skill_message("ann", "bob", "sql", "Hello", "postgres")
    named = act_as("bob").get_skill_message(message_id)
    assert isinstance(named, NamedMessage)
    assert (named.from_user_name, named.to_user_name, named.tenant_name) == ("Ann", "Bob", "Acme")
    assert (named.subject_skill_name, named.proposed_parent_skill_name) == ("SQL", "PostgreSQL")


def test_a_batch_is_all_or_nothing_in_order(act_as: Callable[..., Any]) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    batch: list[NewMessage] = [
        {"from_user_id": "ann", "to_user_id": "bob", "subject_skill_id": "sql", "message": f"{n} '"}
        for n in range(5)
    ]
    ids = ann.send_skill_messages(batch)
    texts = {message.id: message.message for message in bob.get_messages_for_user("bob")}
    assert [texts[message_id] for message_id in ids] == [element["message"] for element in batch]

    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="message 6: unknown to_user_id"):
        ann.send_skill_messages([*batch, {**batch[0], "to_user_id": "gus"}])
    assert len(bob.get_messages_for_user("bob")) == 5


def test_read_all_up_to_what_is_on_the_screen(act_as: Callable[..., Any]) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    for _ in range(3):
        ann.send_skill_message("ann", "bob", "sql", "Hello")
    on_screen = bob.get_messages_for_user("bob")
    ann.send_skill_message("ann", "bob", "sql", "Just now")
    assert bob.mark_messages_read("bob", on_screen[0].created_at) == 3
    assert bob.get_unread_count_for_user("bob") == 1
    assert bob.mark_messages_read("bob") == 1


def test_stats_and_export(service: Any) -> None:
    first = service.send_skill_message("ann", "bob", "sql", "Hello")
    service.send_skill_message("bob", "ann", "sql", "Hello back")
    service.send_skill_message("cy", "cy", "sql", "Note to self")
    service.mark_message_read(first)
    service.update_message_status(first, "accepted")

    stats = service.get_message_stats()
    assert (stats.pending, stats.accepted, stats.declined, stats.unread) == (2, 1, 0, 2)
    assert isinstance(stats.median_time_to_answer, timedelta)
    assert stats.oldest_pending_created_at is not None

    exported = service.export_user_messages("ann")
    assert [(line["message"], line["status"]) for line in exported] == [
        ("Hello", "accepted"),
        ("Hello back", "pending"),
    ]
    assert set(exported[0]) == {field.name for field in fields(Message)} | {"answered_at"}
    assert [line["message"] for line in service.export_user_messages("cy")] == ["Note to self"]


def test_an_erasure_leaves_the_decision(flavour: Flavour, database: Database, service: Any) -> None:
    decided = service.send_skill_message("ann", "bob", "sql", "My address is …")
    service.update_message_status(decided, "accepted")
    service.send_skill_message("bob", "ann", "sql", "Never answered")
    service.send_skill_message("cy", "bob", "sql", "Not Ann's")

    with flavour.connect(database.conninfo("retention_login"), autocommit=True) as connection:
        retention = flavour.client(connection, tenant_id="acme")
        assert retention.erase_user_messages("ann") == Erasure(deleted=1, erased=1)

    assert [(m.message, m.status) for m in service.get_messages_for_user("bob")] == [
        ("Not Ann's", "pending"),
        ("[erased]", "accepted"),
    ]


ERRORS: list[tuple[type[psycopg.Error], str, Callable[[Callable[..., Any]], Any]]] = [
    (
        skill_messages.ContextMissingError,
        "SM001",
        lambda act_as: act_as("ann", "").mark_message_read("m1"),
    ),
    (
        skill_messages.ContextMissingError,
        "SM001",
        lambda act_as: act_as(None).get_unread_count_for_user("ann"),
    ),
    (
        skill_messages.MessageNotFoundError,
        "SM002",
        lambda act_as: act_as("ann").mark_message_read("m1"),
    ),
    (
        skill_messages.MessageNotFoundError,
        "SM002",
        lambda act_as: act_as("gus", "globex").update_message_status("m1", "accepted"),
    ),
    (
        skill_messages.AlreadyDecidedError,
        "SM003",
        lambda act_as: act_as("bob").update_message_status("m1", "accepted"),
    ),
    (
        skill_messages.IdTakenError,
        "SM004",
        lambda act_as: act_as("ann").send_skill_message("ann", "bob", "sql", "Else", id="m1"),
    ),
    (
        psycopg.errors.ForeignKeyViolation,
        "23503",
        lambda act_as: act_as("ann").send_skill_message("ann", "gus", "sql", "Hello"),
    ),
    (
        psycopg.errors.CheckViolation,
        "23514",
        lambda act_as: act_as("ann").send_skill_message("ann", "bob", "sql", " \n"),
    ),
    (
        psycopg.errors.InvalidParameterValue,
        "22023",
        lambda act_as: act_as("ann").get_messages_for_user("ann", 0),
    ),
    (
        psycopg.errors.InsufficientPrivilege,
        "42501",
        lambda act_as: act_as("ann").send_skill_message("bob", "cy", "sql", "Hello"),
    ),
]


@pytest.mark.parametrize(("error", "sqlstate", "attempt"), ERRORS)
def test_errors_have_a_class_a_sqlstate_and_a_hint(
    act_as: Callable[..., Any], error: type[psycopg.Error], sqlstate: str, attempt: Any
) -> None:
    act_as("ann").send_skill_message("ann", "bob", "sql", "Hello", id="m1")
    act_as("bob").update_message_status("m1", "declined")

    with pytest.raises(error) as raised:
        attempt(act_as)

    assert type(raised.value) is error
    assert raised.value.sqlstate == raised.value.diag.sqlstate == sqlstate
    assert raised.value.diag.message_hint
    if isinstance(raised.value, skill_messages.SkillMessageError):
        assert raised.value.hint == raised.value.diag.message_hint
        assert str(raised.value) == raised.value.diag.message_primary
    # Nothing is half-done, and the connection serves the next call.
    assert [m.id for m in act_as("bob").get_messages_for_user("bob")] == ["m1"]


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
    ann = act_as("ann")
    with connection.pipeline():
        ids = [ann.send_skill_message("ann", "bob", "sql", f"{n}") for n in range(3)]
        assert {m.id for m in act_as("bob").get_messages_for_user("bob")} == set(ids)


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


def test_methods_mirror_the_sql_functions(database: Database) -> None:
    with database.connect() as connection:
        query = """
            SELECT p.proname, coalesce(p.proargnames[:p.pronargs], '{}')
            FROM pg_proc AS p
            WHERE p.pronamespace = 'public'::regnamespace
                AND p.proname ~ '^(send|get|mark|update|export|erase)_'
        """
        functions = dict(connection.execute(query).fetchall())
    assert len(functions) == 12

    for client in (SkillMessages, AsyncSkillMessages):
        methods = {
            name: list(inspect.signature(getattr(client, name)).parameters)[1:]
            for name in dir(client)
            if not name.startswith(("_", "iter_"))
        }
        assert methods == functions
