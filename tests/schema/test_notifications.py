"""The switch of notifications on a table that is in use; what it does is in pgtap/operations."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, script
from tools.server import DEPLOYER

BOTH = ["notify_decided", "notify_sent"]


def triggers(connection: psycopg.Connection[Any]) -> list[str]:
    query = "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'notify%' ORDER BY 1"
    return [name for (name,) in connection.execute(query)]


def switch(connection: psycopg.Connection[Any], switched_on: bool) -> None:
    connection.execute("SELECT switch_skill_message_notifications(%s)", [switched_on])


def send(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT set_skill_message_context('acme', 'ann')")
    connection.execute("SELECT send_skill_message('ann', 'bob', 'sql', 'Hello')")


@pytest.mark.parametrize("switched_on", [True, False])
def test_it_waits_behind_an_open_send_and_holds_up_nobody(
    database: Database, switched_on: bool
) -> None:
    before = [] if switched_on else BOTH
    impatient = "-c statement_timeout=5s"
    with (
        ThreadPoolExecutor() as pool,
        database.connect(DEPLOYER) as owner,
        database.connect("app_login", autocommit=False) as writer,
        database.connect("app_login", autocommit=False, options=impatient) as other,
    ):
        switch(owner, not switched_on)
        send(writer)

        owner.execute("SET skill_messages.patience = '700ms'")
        switching = pool.submit(switch, owner, switched_on)
        waited = []
        while not switching.done():
            started = time.monotonic()
            send(other)
            other.rollback()
            waited.append(time.monotonic() - started)
        with pytest.raises(psycopg.errors.LockNotAvailable) as raised:
            switching.result()
        assert raised.value.diag.message_hint
        assert "End the transactions that hold locks" in raised.value.diag.message_hint
        assert max(waited) < 0.5
        assert triggers(owner) == before

        # With more patience, it is there as soon as the writer has ended.
        owner.execute("RESET skill_messages.patience")
        switching = pool.submit(switch, owner, switched_on)
        assert not switching.done()
        writer.commit()
        switching.result(timeout=30)
        assert triggers(owner) == (BOTH if switched_on else [])


def test_it_is_part_of_the_callers_transaction(database: Database) -> None:
    with database.connect(DEPLOYER) as owner:
        with owner.transaction(force_rollback=True):
            owner.execute("SET LOCAL lock_timeout = '7s'")
            switch(owner, True)
            assert triggers(owner) == BOTH
            assert owner.execute("SHOW lock_timeout").fetchone() == ("7s",)
        assert triggers(owner) == []


@pytest.mark.parametrize("switched_on", [True, False])
def test_deployed_again_it_stays_as_it_was(database: Database, switched_on: bool) -> None:
    with database.connect(DEPLOYER) as owner:
        switch(owner, switched_on)
        owner.execute(script("deploy", "operations/notifications").encode())
        assert triggers(owner) == (BOTH if switched_on else [])
        owner.execute(script("verify", "operations/notifications").encode())
