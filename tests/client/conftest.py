"""What the tests of the client share."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

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


BOXES = [
    "get_messages_for_user",
    "get_messages_from_user",
    "get_named_messages_for_user",
    "get_named_messages_from_user",
]


def operations(client: type) -> list[str]:
    return [name for name in dir(client) if not name.startswith(("_", "iter_"))]
