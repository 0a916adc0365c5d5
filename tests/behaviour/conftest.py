"""Where it runs: on a server of the tests, and on a cluster if `CITUS_URL` names one."""

from collections.abc import Iterator

import pytest
from typing_extensions import LiteralString

from tests.attacks.conftest import make_logins
from tests.citus.cluster import CITUS_URL, CitusDatabase
from tests.client.conftest import connection as connection
from tests.client.conftest import service as service
from tests.conftest import TENANTS, Database

TARGETS = ["server", *(["cluster"] if CITUS_URL else [])]
Target = Database | CitusDatabase

EMPTY: LiteralString = """
DELETE FROM skill_messages; DELETE FROM skills; DELETE FROM users; DELETE FROM tenants;
"""

# What of tests/attacks cannot be asked on a cluster, and why.
VERIFY = "it runs a verify script of the base schema; those of sql/citus look at every shard"
NOLOGIN = "Citus reaches its nodes as the current role, which must be one that may log in"
LOCAL = "its function is in pg_temp, where no shard finds it: test_guessing_a_text_on_a_shard"
BEFORE = "Citus refuses it before it could tell"
MERGE = "Citus refuses this MERGE whatever the row is"
PLACES = "Citus knows no ctid of its own: an error where the policies or privileges admit nothing"
LEFT_OUT = {
    "test_a_weaker_table_fails_verify": VERIFY,
    "test_the_tables_as_they_are_do_not_fail_verify": VERIFY,
    "test_a_long_argument_is_not_repeated": "it reads the log of the server, a file",
    "test_a_role_calls_only_helpers_that_were_thought": "sql/citus brings helpers of its own",
    "test_a_plan_that_was_made_as_service_shows_the_app_no_more": NOLOGIN,
    "test_the_deploying_owner_makes_the_first_tenant": "it uses a GRANT of its own transaction",
    "test_copying_shows_own_rows_alone": "COPY of a table copies no row, COPY (SELECT …) does",
    "test_copying_rows_in": "it is refused with the first row, on the shard",
    "test_reading_shows_own_rows_alone[owner-places": PLACES,
    "test_reading_shows_own_rows_alone[retention-places": PLACES,
    "test_no_text_stands_in_the_statistics": "the coordinator has no statistics of the rows",
    "test_no_condition_is_evaluated_before_the_tenant": LOCAL,
    "test_the_leaks_are_true_ones": LOCAL,
    "test_a_plan_that_was_run_counts_own_rows_alone": "it reads the plan of one server",
    "test_retention_is_not_told_whether_it_guessed_a_text[update by place": PLACES,
    "test_retention_is_not_told_whether_it_guessed_a_text[merge": MERGE,
    "test_retention_cannot_ask_for_a_text[merge": MERGE,
    "test_retention_cannot_ask_for_a_text[copy": "it copies no row, see above",
    "test_the_oracles_are_true_ones": BEFORE,
    "test_a_message_between_others_of_the_tenant_is_not_told": BEFORE,
    "test_merge_does_not_tell_of_a_message_between_others": BEFORE,
    "test_a_merge_that_reads_no_column_learns_that_there_are_rows": BEFORE,
    "in an outer join": "a temporary table on the left of an outer join crashes Citus 13.2",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name == "test_attacks.py" and item.path.parent.name == "behaviour":
            for name, reason in LEFT_OUT.items():
                if name in item.name:
                    item.add_marker(pytest.mark.skip(reason=reason))


def made(name: str) -> CitusDatabase:
    """The schema, spread over the cluster."""
    database = CitusDatabase(name)
    database.create()
    database.deploy_base()
    database.distribute()
    return database


@pytest.fixture(scope="session", params=TARGETS)
def bare(request: pytest.FixtureRequest) -> Iterator[Target]:
    """One database, for all tests of the session."""
    if request.param == "cluster":
        cluster = made("behaviour")
        yield cluster
        cluster.drop()
        return
    server, template = map(request.getfixturevalue, ("server", "template"))
    server.create_database("behaviour", template)
    yield Database(server, "behaviour")
    server.drop_database("behaviour")


@pytest.fixture(scope="session")
def target(bare: Target) -> Target:
    with bare.connect() as superuser:
        make_logins(superuser)
    return bare


@pytest.fixture
def database(target: Target) -> Target:
    """With two tenants, and no messages."""
    with target.connect() as superuser:
        superuser.execute(EMPTY)
        superuser.execute(TENANTS)
    return target
