"""What each operation of the client does, sync and async."""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.string import TextLoader
from typing_extensions import LiteralString

from skill_messages import (
    Erasure,
    Message,
    NamedMessage,
    NewMessage,
)
from tests.client.conftest import BOXES, a_moment_later
from tests.conftest import Database, Flavour


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
    assert recipient.get_messages_for_user(bob, before=received[0]) == received[1:]
    assert sender.get_messages_from_user(ann, before=received[0]) == received[1:]
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
    for get in (getattr(ann, name) for name in BOXES):
        for number in (0, 1001, 2**31, 2**40, 2**70, -(2**70)):
            with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"^max_messages is "):
                get("ann", number)
        assert len(get("ann", 1000)) == 1
    for number in (1, 2**15, 2**31, 2**63 - 1, 2**63, 2**70):
        assert ann.get_unread_count_for_user("ann", number) == 1
    for number in (0, -1, -(2**63), -(2**70)):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"^at_most is "):
            ann.get_unread_count_for_user("ann", number)


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


def test_on_a_connection_that_loads_json_in_its_own_way(
    act_as: Callable[..., Any], connection: Any
) -> None:
    connection.adapters.register_loader("jsonb", TextLoader)
    act_as("ann").send_skill_message("ann", "bob", "sql", "Hello")
    assert [line["message"] for line in act_as("ann").export_user_messages()] == ["Hello"]


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
