"""What reaches the workers, and what is the same as on one server."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from skill_messages import NewMessage, SkillMessages
from tests.citus.cluster import CitusDatabase, needs_citus

pytestmark = needs_citus

NEW: NewMessage = {
    "from_user_id": "ann",
    "to_user_id": "bob",
    "subject_skill_id": "sql",
    "message": "New",
}
Operation = Callable[[SkillMessages], Any]

# As whom, what, and in how many statements if not in one.
OPERATIONS: dict[str, tuple[str, str, Operation, int]] = {
    "inbox": ("app_login", "bob", lambda box: box.get_messages_for_user(), 1),
    "sent": ("app_login", "ann", lambda box: box.get_messages_from_user(), 1),
    "named": ("app_login", "bob", lambda box: box.get_named_messages_for_user(), 1),
    "one": ("app_login", "bob", lambda box: box.get_skill_message("m1"), 1),
    "unread": ("app_login", "bob", lambda box: box.get_unread_count_for_user(), 1),
    "99+": ("app_login", "bob", lambda box: box.get_unread_count_for_user(at_most=100), 1),
    "stats": ("service_login", "", lambda box: box.get_message_stats(), 1),
    "export": ("service_login", "", lambda box: list(box.export_user_messages("bob")), 2),
    "send": ("app_login", "ann", lambda box: box.send_skill_message(**NEW), 1),
    "batch": ("app_login", "ann", lambda box: box.send_skill_messages([NEW, NEW]), 2),
    "read": ("app_login", "bob", lambda box: box.mark_message_read("m1"), 1),
    "read all": ("app_login", "bob", lambda box: box.mark_messages_read(), 2),
    "accept": ("app_login", "bob", lambda box: box.update_message_status("m5", "accepted"), 1),
    "erase": ("retention_login", "", lambda box: box.erase_user_messages("cy"), 3),
}


@contextmanager
def watched(connection: psycopg.Connection[Any]) -> Generator[list[str], None, None]:
    """The statements that Citus sends to workers, without those that begin and end."""
    sent: list[str] = []

    def told(notice: psycopg.errors.Diagnostic) -> None:
        text = notice.message_primary or ""
        if text.startswith("issuing ") and not re.match(
            "issuing (BEGIN|COMMIT|ROLLBACK|PREPARE)", text
        ):
            sent.append(text)

    connection.execute("SET citus.log_remote_commands = on; SET client_min_messages = notice")
    connection.add_notice_handler(told)
    yield sent
    connection.remove_notice_handler(told)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_touches_one_shard(distributed: CitusDatabase, name: str) -> None:
    login, user, operation, statements = OPERATIONS[name]
    with distributed.connect(login) as connection:
        box = SkillMessages(connection, tenant_id="acme", user_id=user or None)
        with watched(connection) as sent:
            assert operation(box) is not None
    # Savepoints of a handler for errors ask for no rows.
    asked = [each for each in sent if "SAVEPOINT" not in each]
    assert len(asked) == statements, sent
    shards = {shard for each in asked for shard in re.findall(r"skill_messages_\d+", each)}
    assert len(shards) == 1, sent


def test_a_read_without_the_tenant_asks_every_shard(distributed: CitusDatabase) -> None:
    with distributed.connect("service_login") as connection, connection.transaction():
        connection.execute("SELECT set_skill_message_context('acme')")
        with watched(connection) as sent:
            rows = connection.execute("SELECT id FROM skill_messages WHERE id = 'm1'").fetchall()
    assert rows == [("m1",)]
    assert len([each for each in sent if "SELECT id" in each]) == len(distributed.shards())


@pytest.mark.parametrize("how", ["autocommit", "transaction", "read only"])
def test_a_context_reaches_the_workers(distributed: CitusDatabase, how: str) -> None:
    with distributed.connect("app_login", autocommit=how != "transaction") as connection:
        if how == "read only":
            connection.read_only = True
        bob = SkillMessages(connection, tenant_id="acme", user_id="bob")
        assert len(bob.get_messages_for_user(max_messages=5)) == 5
        assert bob.get_message_stats().pending > 0


def test_the_next_transaction_acts_for_nobody(distributed: CitusDatabase) -> None:
    with distributed.connect("service_login") as connection:
        for tenant, rows in ("acme", True), ("globex", False), ("t1", True):
            box = SkillMessages(connection, tenant_id=tenant)
            assert bool(box.get_messages_for_user("bob")) == rows
            assert not connection.execute("SELECT id FROM skill_messages").fetchall()


def test_deleting_a_skill_forgets_it_as_a_parent(distributed: CitusDatabase) -> None:
    """The service may not update that column, nor may the context matter."""
    with distributed.connect() as superuser:
        superuser.execute("INSERT INTO skills VALUES ('gone', 'acme', 'G'), ('gone', 't1', 'G')")
        for tenant in "acme", "t1":
            superuser.execute(
                "INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, "
                "subject_skill_id, message, proposed_parent_skill_id) "
                "VALUES ('of gone', %s, 'ann', 'bob', 'sql', 'x', 'gone')",
                [tenant],
            )
    with distributed.connect("service_login") as connection, connection.transaction():
        connection.execute("SELECT set_skill_message_context('acme')")
        done = connection.execute("DELETE FROM skills WHERE tenant_id = 'acme' AND id = 'gone'")
        assert done.rowcount == 1
    with distributed.connect() as superuser:
        parents = superuser.execute(
            "SELECT tenant_id, proposed_parent_skill_id FROM skill_messages "
            "WHERE id = 'of gone' ORDER BY tenant_id"
        ).fetchall()
        superuser.execute("DELETE FROM skill_messages WHERE id = 'of gone'")
        superuser.execute("DELETE FROM skills WHERE id = 'gone'")
    assert parents == [("acme", None), ("t1", "gone")]


def test_defaults_are_filled_and_not_chosen(distributed: CitusDatabase) -> None:
    insert = (
        "INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, "
        "message{}) VALUES ('acme', 'ann', 'bob', 'sql', 'Direct'{}) "
        "RETURNING status, created_at"
    )
    with distributed.connect("app_login") as connection:
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT set_skill_message_context('acme', 'ann')")
            stored: Any = connection.execute(insert.format("", "").encode()).fetchone()
            assert stored[0] == "pending"
            assert abs(datetime.now(timezone.utc) - stored[1]) < timedelta(minutes=1)
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT set_skill_message_context('acme', 'ann')")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(insert.format(", created_at", ", '1999-01-01'").encode())


def test_totals_add_up_the_shards(distributed: CitusDatabase) -> None:
    with distributed.connect() as superuser:
        superuser.execute("VACUUM ANALYZE skill_messages")
        counted = superuser.execute(
            "SELECT count(*), count(*) FILTER (WHERE read_at IS NULL) FROM skill_messages"
        ).fetchone()
        totals = superuser.execute("SELECT messages, unread FROM skill_message_totals").fetchone()
    assert totals == counted


def test_notifications_are_heard_on_the_worker_of_the_shard(distributed: CitusDatabase) -> None:
    listeners = [
        psycopg.connect(node.conninfo(distributed.name, "app_login"), autocommit=True)
        for node in distributed.workers
    ]
    for listener in listeners:
        listener.execute("LISTEN skill_message_sent")
    with distributed.connect("deployer") as owner, distributed.connect("app_login") as connection:
        owner.execute("SELECT switch_skill_message_notifications(true)")
        ann = SkillMessages(connection, tenant_id="acme", user_id="ann")
        sent = ann.send_skill_message(**NEW)
        owner.execute("SELECT switch_skill_message_notifications(false)")
    heard = [
        notice.payload
        for listener in listeners
        for notice in listener.notifies(timeout=2, stop_after=1)
    ]
    for listener in listeners:
        listener.close()
    assert len(heard) == 1
    assert sent in heard[0]
