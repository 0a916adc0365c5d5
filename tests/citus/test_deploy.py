"""Deploying, verifying and reverting the project for Citus."""

import re
from collections.abc import Iterator
from typing import cast

import psycopg
import pytest

from tests.citus.cluster import LOGINS, PROJECT, CitusDatabase, needs_citus
from tests.conftest import HOST, Database, dump

pytestmark = needs_citus

CHANGES = re.findall(r"^(\w+) \[", (PROJECT / "sqitch.plan").read_text(), flags=re.MULTILINE)


def schema_and_rows(database: CitusDatabase) -> tuple[list[str], list[str]]:
    """The dump of the schema as it is, and all rows in an order of their own."""
    schema = dump(cast(Database, database), "--schema-only")
    data = dump(cast(Database, database), "--data-only", "--schema=public")
    return schema, sorted(data)


def succeeds(database: CitusDatabase, command: str, *options: str) -> str:
    done = database.sqitch(command, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_empty_there_and_back(base: CitusDatabase) -> None:
    before = schema_and_rows(base)
    told = succeeds(base, "deploy", "--verify")
    assert "alters the tables of the host" in told
    assert {node for _, node in base.shards()} == set(base.workers)
    succeeds(base, "verify")
    succeeds(base, "revert", "-y")
    assert schema_and_rows(base) == before
    # Nothing of the package is left on a worker but its roles.
    for node in base.workers:
        assert not node.execute(
            base.name, "SELECT 1 WHERE to_regnamespace('skill_messages_private') IS NOT NULL"
        )


def test_filled_there_and_back(filled: CitusDatabase) -> None:
    with filled.connect() as superuser:
        superuser.execute("""
            CREATE VIEW inboxes AS SELECT tenant_id, to_user_id FROM skill_messages;
            COMMENT ON VIEW inboxes IS 'Of the host';
            GRANT SELECT ON inboxes TO skill_messages_service;
        """)
    before = schema_and_rows(filled)
    succeeds(filled, "deploy", "--verify")
    rows = [node.execute(filled.name, f"TABLE {shard}") for shard, node in filled.shards()]
    assert sum(map(len, rows)) == 60
    succeeds(filled, "revert", "-y")
    assert schema_and_rows(filled) == before


def test_every_script_can_be_run_again(filled: CitusDatabase) -> None:
    """As after an interruption: the script is done, and Sqitch does not know."""
    before = schema_and_rows(filled)
    for change in CHANGES:
        for _ in range(2):
            filled.psql(f"deploy/{change}.sql")
            filled.psql(f"verify/{change}.sql")
    assert_closed(filled)
    for change in reversed(CHANGES):
        # After the first change is reverted, there is nothing left that could keep anything.
        for _ in range(1 if change == "preflight" else 2):
            filled.psql(f"revert/{change}.sql")
            assert_closed(filled)
    assert schema_and_rows(filled) == before


def assert_closed(database: CitusDatabase) -> None:
    """Nobody sees a message without a context, whatever is deployed just now."""
    for login in LOGINS:
        with database.connect(login) as connection:
            seen = connection.execute("SELECT id FROM skill_messages").fetchall()
            assert not seen, login


def test_an_aborted_distribution_leaves_all_rows_here(filled: CitusDatabase) -> None:
    succeeds(filled, "deploy", "--to", "policies")
    with filled.connect() as superuser, superuser.transaction():
        superuser.execute("LOCK TABLE skills IN ACCESS SHARE MODE")
        done = filled.sqitch("deploy", patience="1s")
    assert done.returncode != 0
    assert "the table was never free" in done.stderr
    with filled.connect("service_login") as connection, connection.transaction():
        connection.execute("SELECT set_skill_message_context('acme')")
        assert connection.execute("SELECT count(*) FROM skill_messages").fetchone() == (20,)
    succeeds(filled, "deploy", "--verify")


HOST_KEYS = {
    "a foreign key without the tenant": (
        "CREATE TABLE notes (skill_id text REFERENCES skills (id))",
        "The foreign key notes_skill_id_fkey of public.notes to public.skills has not the tenant",
    ),
    "a key of an expression": (
        "CREATE UNIQUE INDEX one_name ON users (lower(name))",
        "The unique key one_name of public.users has expressions",
    ),
    "a restrictive policy": (
        "CREATE POLICY walls ON users AS RESTRICTIVE USING (true)",
        "The policy walls on public.users is restrictive",
    ),
    "a subquery in a policy": (
        "CREATE POLICY sub ON users USING ((SELECT true))",
        "The policy sub on public.users is restrictive or has a subquery",
    ),
    "a row type": (
        "CREATE FUNCTION a_user() RETURNS users LANGUAGE sql AS 'SELECT NULL::users'",
        "The function public.a_user() has the row type of public.users",
    ),
}


@pytest.fixture
def host() -> Iterator[CitusDatabase]:
    """A database with a host's own tables, adopted; not yet distributed."""
    database = CitusDatabase("citus_host")
    database.create()
    with database.connect("deployer", options="-c citus.enable_ddl_propagation=off") as owner:
        owner.execute(HOST)
    database.deploy_base()
    yield database
    database.drop()


def test_a_host_is_refused_and_told_why(host: CitusDatabase) -> None:
    with host.connect("deployer", options="-c citus.enable_ddl_propagation=off") as owner:
        for statement, _ in HOST_KEYS.values():
            owner.execute(statement.encode())
    before = schema_and_rows(host)
    done = host.sqitch("deploy")
    assert done.returncode != 0
    for _, reason in HOST_KEYS.values():
        assert reason in done.stderr
    assert "Nothing was done" in done.stderr
    assert schema_and_rows(host) == before


def test_a_host_keeps_its_keys_within_the_tenant(host: CitusDatabase) -> None:
    with host.connect("deployer", options="-c citus.enable_ddl_propagation=off") as owner:
        owner.execute("""
            CREATE UNIQUE INDEX users_name_key ON users (name);
            COMMENT ON INDEX users_name_key IS 'One name each';
            ALTER TABLE skills ADD CONSTRAINT skills_body_key UNIQUE (body);
        """)
    before = schema_and_rows(host)
    told = succeeds(host, "deploy", "--verify")
    for key in ("users_pkey", "skills_pkey", "users_name_key", "skills_body_key"):
        assert f"the unique key {key} of" in told
    with host.connect() as superuser:
        with pytest.raises(psycopg.errors.UniqueViolation):
            superuser.execute("INSERT INTO users (id, tenant_id) VALUES ('u1', 't2')")
        superuser.execute("INSERT INTO users (id, tenant_id) VALUES ('u1', 't3')")
        # Now the key of the host cannot come back: nothing may be lost by trying.
        done = host.sqitch("revert", "-y")
        assert done.returncode != 0
        assert "could not create unique index" in done.stderr
        superuser.execute("DELETE FROM users WHERE id = 'u1' AND tenant_id = 't3'")
    succeeds(host, "revert", "-y")
    assert schema_and_rows(host) == before


def test_the_base_schema_stays_while_it_is_distributed(filled: CitusDatabase) -> None:
    succeeds(filled, "deploy", "--verify")
    done = filled.sqitch_base("revert", "-y")
    assert done.returncode != 0
    assert "skill_messages_citus" in done.stdout + done.stderr
    succeeds(filled, "verify")
