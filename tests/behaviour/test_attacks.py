"""The attacks of tests/attacks once more, on a cluster: there they run on one server alone."""

import time
from collections.abc import Iterator
from importlib import import_module

import pytest

from tests.attacks.conftest import MESSAGES, make_logins
from tests.attacks.conftest import victim as victim
from tests.attacks.conftest import watcher as watcher
from tests.behaviour.conftest import made
from tests.citus.cluster import CITUS_URL, CitusDatabase
from tests.conftest import TENANTS

if not CITUS_URL:
    reason = "CITUS_URL names no Citus coordinator: this and what tests/behaviour else has for one"
    pytest.skip(reason, allow_module_level=True)

ATTACKS = [
    "context",
    "helpers",
    "host_tables",
    "long_arguments",
    "reading",
    "statistics",
    "texts",
    "times",
    "upsert",
]
for attack in ATTACKS:
    known = vars(import_module(f"tests.attacks.test_{attack}"))
    names = [name for name in known if name.startswith("test_") or name == "by_default"]
    globals().update({name: known[name] for name in names})


@pytest.fixture(scope="session")
def bare() -> Iterator[CitusDatabase]:
    """For those that ask for a database of their own."""
    cluster = made("behaviour_choices")
    yield cluster
    cluster.drop()


@pytest.fixture(scope="session")
def attacked() -> Iterator[CitusDatabase]:
    cluster = made("behaviour_attacked")
    with cluster.connect() as superuser:
        make_logins(superuser)
        superuser.execute(TENANTS)
        superuser.execute(MESSAGES)
    yield cluster
    cluster.drop()


@pytest.mark.parametrize(
    ("tenant", "text", "waits"),
    [
        ("acme", "Ann to Bob", True),
        ("globex", "Secret of Globex", False),
    ],
)
def test_guessing_a_text_on_a_shard(
    attacked: CitusDatabase, tenant: str, text: str, *, waits: bool
) -> None:
    """The subquery runs there, and only if what stands before it is so: it would take its time."""
    guess = "message = %s AND id = (SELECT pg_sleep(1)::text)"
    query = f"SELECT FROM skill_messages WHERE tenant_id = '{tenant}' AND {guess}"
    with attacked.connect("app_login") as connection, connection.transaction():
        connection.execute("SELECT set_skill_message_context('acme', 'ann')")
        for path in ("indexscan", "indexonlyscan", "bitmapscan"):
            connection.execute(f"SET LOCAL enable_{path} = off".encode())
        began = time.monotonic()
        connection.execute(query.encode(), [text])
        assert (time.monotonic() - began > 1) == waits
