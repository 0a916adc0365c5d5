"""The tests of the Python client once more: on each target, and in the caller's transaction.

On the server, tests/client has run them already, each call as one statement.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.citus.cluster import CITUS_URL
from tests.client.test_errors import *  # noqa: F403
from tests.client.test_operations import *  # noqa: F403
from tests.client.test_pages import *  # noqa: F403
from tests.conftest import Flavour


class InTransaction:
    """A client whose caller begins a transaction before each call, and ends it afterwards."""

    def __init__(self, client: Any, connection: Any) -> None:
        self._client, self._connection = client, connection

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._connection.transaction():
                return getattr(self._client, name)(*args, **kwargs)

        return call


FORMS = ["transaction", *(["one statement"] if CITUS_URL else [])]


@pytest.fixture(params=FORMS)
def act_as(request: pytest.FixtureRequest, flavour: Flavour, connection: Any) -> Callable[..., Any]:
    """A client for a user, by default of acme, all on the same connection."""

    def client(user_id: Any, tenant_id: Any = "acme") -> Any:
        made = flavour.client(connection, tenant_id=tenant_id, user_id=user_id)
        return InTransaction(made, connection) if request.param == "transaction" else made

    return client
