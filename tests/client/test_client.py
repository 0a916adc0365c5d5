"""The Python package, sync and async, against the real thing."""

import inspect
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from typing_extensions import LiteralString

import skill_messages
from skill_messages import (
    AsyncSkillMessages,
    Erasure,
    Message,
    NamedMessage,
    NewMessage,
    SkillMessages,
)
from tests.conftest import Database, Flavour


@pytest.fixture
def connection(flavour: Flavour, database: Database) -> Any:
    with flavour.connect(database.conninfo("app_login"), autocommit=True) as connection:
        yield connection


@pytest.fixture(params=[False, True], ids=["", "prepared"])
def act_as(request: pytest.FixtureRequest, flavour: Flavour, connection: Any) -> Callable[..., Any]:
    """A client for a user, by default of acme, all on the same connection."""

    def client(user_id: str | UUID | None, tenant_id: str | UUID = "acme") -> Any:
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


def a_moment_later() -> None:
    """Times are whole milliseconds: what comes after this has a later one."""
    time.sleep(0.002)


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
        read_at=None,
        answered_at=None,
    )
    assert received.created_at.utcoffset() is not None

    read_at = bob.mark_message_read(message_id)
    assert isinstance(read_at, datetime)
    assert bob.mark_message_read(message_id) == read_at
    assert bob.get_unread_count_for_user("bob", at_most=5) == 0

    decided = bob.update_message_status(message_id, "accepted")
    assert (decided.id, decided.status, decided.read_at) == (message_id, "accepted", read_at)
    assert decided.answered_at is not None
    assert decided.created_at <= read_at <= decided.answered_at <= datetime.now(timezone.utc)
    assert bob.get_messages_for_user("bob") == ann.get_messages_from_user("ann") == [decided]
    assert bob.get_skill_message(message_id).answered_at == decided.answered_at


def test_times_are_whole_milliseconds(act_as: Callable[..., Any]) -> None:
    """So that a JavaScript Date holds them, and a page goes on after the one that it gives back."""
    ann, bob = act_as("ann"), act_as("bob")
    times = []
    for number in range(5):
        message_id = ann.send_skill_message("ann", "bob", "sql", f"{number}")
        marked = bob.mark_message_read(message_id)
        decided = bob.update_message_status(message_id, "accepted")
        times += [marked, decided.created_at, decided.read_at, decided.answered_at]
    assert [time.microsecond % 1000 for time in times] == [0] * 20
    assert len({time.microsecond for time in times}) > 5


def test_a_retry_stores_nothing(act_as: Callable[..., Any]) -> None:
    ann = act_as("ann")
    for _ in range(2):
        assert ann.send_skill_message("ann", "bob", "sql", "Same?", id="m1") == "m1"
    assert len(act_as("bob").get_messages_for_user("bob")) == 1


def test_walks_all_pages_in_order(act_as: Callable[..., Any], connection: Any) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    with connection.transaction():  # one transaction, one created_at: order is by id alone
        same_time = [ann.send_skill_message("ann", "bob", "sql", f"{n}") for n in range(7)]
    later = []
    for n in range(3):
        a_moment_later()
        later.append(ann.send_skill_message("ann", "bob", "sql", f"{n}"))
    expected = [*reversed(later), *sorted(same_time, reverse=True)]

    for page_size in (1, 3, 5, 10, 50):
        walked = [message.id for message in bob.iter_messages_for_user("bob", page_size)]
        assert walked == expected


def test_the_sent_box(act_as: Callable[..., Any]) -> None:
    ann = act_as("ann")
    sent = []
    for to_user_id in ("bob", "cy", "ann"):
        a_moment_later()
        sent.append(ann.send_skill_message("ann", to_user_id, "sql", "Hello"))
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
    a_moment_later()
    ann.send_skill_message("ann", "bob", "sql", "Just now")
    assert bob.mark_messages_read("bob", on_screen[0].created_at) == 3
    assert bob.get_unread_count_for_user("bob") == 1
    assert bob.mark_messages_read("bob") == 1


def test_read_exactly_what_is_on_the_screen(act_as: Callable[..., Any]) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    ids = [ann.send_skill_message("ann", "bob", "sql", "Hello") for _ in range(5)]
    to_cy = ann.send_skill_message("ann", "cy", "sql", "Hello")

    def unread() -> set[str]:
        return {m.id for m in bob.get_messages_for_user("bob") if m.read_at is None}

    assert bob.mark_messages_read("bob", message_ids=[]) == 0
    assert unread() == set(ids)
    assert bob.mark_messages_read("bob", message_ids=ids[:2]) == 2
    assert unread() == set(ids[2:])
    assert bob.mark_messages_read(message_ids=[*ids[1:3], to_cy, "absent"]) == 1
    assert unread() == set(ids[3:])
    long_ago = datetime(2020, 1, 1, tzinfo=timezone.utc)
    assert bob.mark_messages_read("bob", long_ago, ids) == 0
    assert act_as("cy").get_unread_count_for_user("cy") == 1

    assert bob.mark_messages_read("bob", message_ids=ids[3:] * 500) == 2
    with pytest.raises(TypeError, match="message_ids is one string"):
        bob.mark_messages_read("bob", message_ids="m1")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="message_ids has 1001 elements"):
        bob.mark_messages_read("bob", message_ids=["m"] * 1001)


def test_left_out_the_user_is_the_one_in_the_context(
    act_as: Callable[..., Any], service: Any
) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    first = ann.send_skill_message("ann", "bob", "sql", "Hello")
    a_moment_later()
    second = ann.send_skill_message("ann", "bob", "sql", "Hello again")
    newest_first = [second, first]

    assert [m.id for m in bob.get_messages_for_user()] == newest_first
    assert [m.id for m in bob.get_messages_for_user(max_messages=1)] == newest_first[:1]
    assert [m.id for m in bob.iter_messages_for_user(page_size=1)] == newest_first
    assert [m.id for m in ann.get_messages_from_user()] == newest_first
    assert [m.id for m in ann.iter_messages_from_user(page_size=1)] == newest_first
    assert ann.get_messages_for_user() == bob.get_messages_from_user() == []
    assert bob.get_unread_count_for_user() == 2
    assert bob.get_unread_count_for_user(at_most=1) == 1
    assert {line["id"] for line in ann.export_user_messages()} == {first, second}
    assert bob.mark_messages_read() == 2
    assert bob.get_unread_count_for_user() == 0

    for call in (
        service.get_messages_for_user,
        service.get_messages_from_user,
        service.get_unread_count_for_user,
        service.mark_messages_read,
        service.export_user_messages,
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="user_id is null"):
            call()


def test_every_id_may_be_a_uuid(
    flavour: Flavour, database: Database, act_as: Callable[..., Any]
) -> None:
    tenant, ann, bob, subject, parent, first, second = (uuid4() for _ in range(7))
    with database.connect() as superuser:
        superuser.execute("INSERT INTO tenants VALUES (%s, 'T')", [str(tenant)])
        query: LiteralString = "INSERT INTO {} SELECT unnest(%s::text[]), %s, 'Name'"
        superuser.execute(query.format("users"), [[str(ann), str(bob)], str(tenant)])
        superuser.execute(query.format("skills"), [[str(subject), str(parent)], str(tenant)])
    sender, recipient = act_as(ann, tenant), act_as(bob, tenant)

    assert sender.send_skill_message(ann, bob, subject, "Hello", parent, first) == str(first)
    batch: list[NewMessage] = [
        {
            "from_user_id": ann,
            "to_user_id": bob,
            "subject_skill_id": subject,
            "message": "Hello",
            "proposed_parent_skill_id": parent,
            "id": second,
        }
    ]
    assert sender.send_skill_messages(batch) == [str(second)]

    received = recipient.get_messages_for_user(bob)
    assert {m.id for m in received} == {str(first), str(second)}
    for message in received:
        assert (message.tenant_id, message.from_user_id) == (str(tenant), str(ann))
        assert (message.to_user_id, message.subject_skill_id) == (str(bob), str(subject))
        assert message.proposed_parent_skill_id == str(parent)
    after = (50, received[0].created_at, UUID(received[0].id))
    assert recipient.get_messages_for_user(bob, *after) == received[1:]
    assert sender.get_messages_from_user(ann, *after) == received[1:]
    assert recipient.get_skill_message(first).id == str(first)

    assert recipient.get_unread_count_for_user(bob) == 2
    assert isinstance(recipient.mark_message_read(first), datetime)
    assert recipient.mark_messages_read(bob, message_ids=[first, second]) == 1
    assert recipient.update_message_status(second, "declined").id == str(second)
    assert len(sender.export_user_messages(ann)) == 2
    with flavour.connect(database.conninfo("retention_login"), autocommit=True) as connection:
        retention = flavour.client(connection, tenant_id=tenant)
        assert retention.erase_user_messages(ann) == Erasure(deleted=1, erased=1)


def test_a_number_of_any_size_is_answered_by_name(act_as: Callable[..., Any]) -> None:
    ann = act_as("ann")
    ann.send_skill_message("ann", "ann", "sql", "Note to self")
    for get in (ann.get_messages_for_user, ann.get_messages_from_user):
        for number in (0, 1001, 2**31, 2**40, 2**70, -(2**70)):
            with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"^max_messages is "):
                get("ann", number)
        assert len(get("ann", 1000)) == 1
    for number in (1, 2**15, 2**31, 2**63 - 1, 2**63, 2**70):
        assert ann.get_unread_count_for_user("ann", number) == 1
    for number in (0, -1, -(2**63), -(2**70)):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"^at_most is "):
            ann.get_unread_count_for_user("ann", number)


# What somebody who may create in public would plant: the same names, with types that match better
# what psycopg sends for small integers, short strings and the like.
PLANT: LiteralString = """
    DO $do$
    DECLARE
        v_create text;
    BEGIN
        FOR v_create IN
            SELECT format(
                'CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS '
                '$$BEGIN RAISE ''hijacked''; END$$', p.proname, types.changed,
                pg_get_function_result(p.oid))
            FROM pg_proc AS p
            CROSS JOIN unnest(ARRAY['varchar', 'bpchar', 'name']) AS kind (of_text)
            CROSS JOIN LATERAL (
                SELECT string_agg(format('%I %s', p.proargnames[a.position], CASE a.type
                    WHEN 'text'::regtype THEN kind.of_text
                    WHEN 'text[]'::regtype THEN 'varchar[]'
                    WHEN 'integer'::regtype THEN 'smallint'
                    WHEN 'bigint'::regtype THEN 'smallint'
                    WHEN 'timestamptz'::regtype THEN 'timestamp'
                    WHEN 'jsonb'::regtype THEN 'json'
                    ELSE a.type::regtype::text
                END), ', ' ORDER BY a.position) AS changed
                FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, position)
            ) AS types
            WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' AND p.pronargs > 0
        LOOP
            BEGIN
                EXECUTE v_create;
            EXCEPTION
                WHEN duplicate_function THEN NULL;
            END;
        END LOOP;
    END;
    $do$
"""


def test_a_planted_overload_is_not_called(
    flavour: Flavour, database: Database, act_as: Callable[..., Any]
) -> None:
    with database.connect() as superuser:
        superuser.execute(PLANT)
        query = "SELECT DISTINCT proname FROM pg_proc WHERE prosrc ~ 'hijacked'"
        planted = {name for (name,) in superuser.execute(query)}
    assert planted == {*operations(SkillMessages), "set_skill_message_context"} - {
        "get_message_stats"  # which has no arguments
    }
    ann, bob = act_as("ann"), act_as("bob")

    first = ann.send_skill_message("ann", "bob", "sql", "Hello", "postgres", "m1")
    now = datetime.now(timezone.utc)
    new: NewMessage = {
        "from_user_id": "ann",
        "to_user_id": "bob",
        "subject_skill_id": "sql",
        "message": "Hello",
    }
    [second] = ann.send_skill_messages([new])
    assert len(bob.get_messages_for_user("bob", 5)) == 2
    assert bob.get_messages_for_user("bob", 5, now - timedelta(days=1), "m1") == []
    assert len(ann.get_messages_from_user("ann", 5)) == 2
    assert bob.get_skill_message(first).id == first
    assert bob.get_unread_count_for_user("bob", 5) == 2
    assert bob.mark_message_read(first)
    assert bob.mark_messages_read("bob", now + timedelta(days=1), [first, second]) == 1
    assert bob.update_message_status(first, "accepted").status == "accepted"
    assert bob.get_message_stats().accepted == 1
    assert len(bob.export_user_messages("bob")) == 2
    with flavour.connect(database.conninfo("retention_login"), autocommit=True) as connection:
        retention = flavour.client(connection, tenant_id="acme")
        assert retention.erase_user_messages("ann", keep_decided=False) == Erasure(2, 0)


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
    assert set(exported[0]) == {field.name for field in fields(Message)}
    assert [line["message"] for line in service.export_user_messages("cy")] == ["Note to self"]


def test_an_erasure_leaves_the_decision(flavour: Flavour, database: Database, service: Any) -> None:
    decided = service.send_skill_message("ann", "bob", "sql", "My address is …")
    service.update_message_status(decided, "accepted")
    service.send_skill_message("bob", "ann", "sql", "Never answered")
    service.send_skill_message("cy", "bob", "sql", "Not Ann's")

    with flavour.connect(database.conninfo("retention_login"), autocommit=True) as connection:
        retention = flavour.client(connection, tenant_id="acme")
        assert retention.erase_user_messages("ann") == Erasure(deleted=1, erased=1)

    assert {(m.message, m.status) for m in service.get_messages_for_user("bob")} == {
        ("Not Ann's", "pending"),
        ("[erased]", "accepted"),
    }


def test_an_erasure_of_everything(flavour: Flavour, database: Database, service: Any) -> None:
    decided = service.send_skill_message("ann", "bob", "sql", "My address is …")
    service.update_message_status(decided, "accepted")
    service.send_skill_message("bob", "ann", "sql", "Never answered")
    service.send_skill_message("cy", "bob", "sql", "Not Ann's")
    with flavour.connect(database.conninfo("retention_login"), autocommit=True) as connection:
        retention = flavour.client(connection, tenant_id="acme")
        assert retention.erase_user_messages("ann", keep_decided=False) == Erasure(2, 0)
        assert retention.erase_user_messages("ann") == Erasure(0, 0)
    assert [m.message for m in service.get_messages_for_user("bob")] == ["Not Ann's"]
    with database.connect() as superuser:  # and nothing names the user any more
        assert superuser.execute("DELETE FROM users WHERE id = 'ann'").rowcount == 1


def two_users_in_one_transaction(act_as: Callable[..., Any], connection: Any) -> None:
    with connection.transaction():
        act_as("ann").send_skill_message("ann", "bob", "sql", "Never mind")
        act_as("bob").get_messages_for_user("bob")


def two_tenants_in_one_transaction(act_as: Callable[..., Any], connection: Any) -> None:
    with connection.transaction():
        act_as("ann").send_skill_message("ann", "bob", "sql", "Never mind")
        act_as("ann", "globex").get_messages_for_user("ann")


ERRORS: list[tuple[type[psycopg.Error], str, Callable[[Callable[..., Any], Any], Any]]] = [
    (
        skill_messages.ContextMissingError,
        "SM001",
        lambda act_as, _: act_as("ann", "").mark_message_read("m1"),
    ),
    (
        skill_messages.ContextMissingError,
        "SM001",
        lambda act_as, _: act_as(None).get_unread_count_for_user("ann"),
    ),
    (
        skill_messages.MessageNotFoundError,
        "SM002",
        lambda act_as, _: act_as("ann").mark_message_read("m1"),
    ),
    (
        skill_messages.MessageNotFoundError,
        "SM002",
        lambda act_as, _: act_as("gus", "globex").update_message_status("m1", "accepted"),
    ),
    (
        skill_messages.AlreadyDecidedError,
        "SM003",
        lambda act_as, _: act_as("bob").update_message_status("m1", "accepted"),
    ),
    (
        skill_messages.IdTakenError,
        "SM004",
        lambda act_as, _: act_as("ann").send_skill_message("ann", "bob", "sql", "Else", id="m1"),
    ),
    (skill_messages.ContextConflictError, "SM005", two_users_in_one_transaction),
    (skill_messages.ContextConflictError, "SM005", two_tenants_in_one_transaction),
    (
        psycopg.errors.ForeignKeyViolation,
        "23503",
        lambda act_as, _: act_as("ann").send_skill_message("ann", "gus", "sql", "Hello"),
    ),
    (
        psycopg.errors.CheckViolation,
        "23514",
        lambda act_as, _: act_as("ann").send_skill_message("ann", "bob", "sql", " \n"),
    ),
    (
        psycopg.errors.InvalidParameterValue,
        "22023",
        lambda act_as, _: act_as("ann").get_messages_for_user("ann", 0),
    ),
    (
        psycopg.errors.InsufficientPrivilege,
        "42501",
        lambda act_as, _: act_as("ann").send_skill_message("bob", "cy", "sql", "Hello"),
    ),
]


@pytest.mark.parametrize(("error", "sqlstate", "attempt"), ERRORS)
def test_errors_have_a_class_a_sqlstate_and_a_hint(
    act_as: Callable[..., Any],
    connection: Any,
    error: type[psycopg.Error],
    sqlstate: str,
    attempt: Any,
) -> None:
    act_as("ann").send_skill_message("ann", "bob", "sql", "Hello", id="m1")
    act_as("bob").update_message_status("m1", "declined")

    with pytest.raises(error) as raised:
        attempt(act_as, connection)

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


def operations(client: type) -> list[str]:
    return [name for name in dir(client) if not name.startswith(("_", "iter_"))]


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
            for name in operations(client)
        }
        assert methods == functions
