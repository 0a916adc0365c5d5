"""Deploy, verify and revert with the real Sqitch, into an empty database and into a host's."""

from collections.abc import Iterator

import psycopg
import pytest
from conftest import Database, dump
from server import DEPLOYER, Server, sqitch
from typing_extensions import LiteralString

ROLES = ["skill_messages_app", "skill_messages_retention", "skill_messages_service"]


def roles(database: Database) -> list[str]:
    with database.connect() as connection:
        query = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'skill_messages%' ORDER BY 1"
        return [name for (name,) in connection.execute(query)]


def succeeds(database: Database, *command: str) -> str:
    done = sqitch(command[0], database.target, *command[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def fails(database: Database, *command: str) -> str:
    done = sqitch(command[0], database.target, *command[1:])
    assert done.returncode != 0, done.stdout
    return done.stderr


@pytest.mark.parametrize("kind", ["empty", "host"])
def test_there_and_back_and_there_again(kind: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(kind)
    before = dump(database)

    for _ in range(2):
        succeeds(database, "deploy", "--verify")
        succeeds(database, "verify")
        assert roles(database) == ROLES
        assert dump(database) != before

        succeeds(database, "revert", "-y")
        assert dump(database) == before
        assert roles(database) == []


def test_adopting_adds_two_unique_keys_and_nothing_else(host: Database) -> None:
    before = dump(host)
    succeeds(host, "deploy")
    added = [line for line in dump(host) if line not in before]
    statements = ("ALTER", "COMMENT", "CREATE", "GRANT", "REVOKE")
    of_the_host = ("public.tenants", "public.users", "public.skills")
    assert [
        line
        for line in added
        if line.startswith(statements) and any(name in line for name in of_the_host)
    ] == [
        "COMMENT ON CONSTRAINT skills_skill_messages_key ON public.skills IS "
        "'What the foreign keys of skill_messages refer to (created by skill_messages)';",
        "COMMENT ON CONSTRAINT users_skill_messages_key ON public.users IS "
        "'What the foreign keys of skill_messages refer to (created by skill_messages)';",
    ]
    assert sum("UNIQUE (tenant_id, id)" in line for line in dump(host)) == 2


def test_adopting_uses_a_unique_index_that_is_there(host: Database) -> None:
    with host.connect() as connection:
        connection.execute("CREATE UNIQUE INDEX by_tenant ON users (tenant_id, id) INCLUDE (name)")
        connection.execute("ALTER TABLE skills ADD CONSTRAINT own UNIQUE (id, tenant_id)")
    before = dump(host)
    succeeds(host, "deploy")
    assert not any("_skill_messages_key" in line for line in dump(host))
    succeeds(host, "revert", "-y")
    assert dump(host) == before


def test_a_host_without_names_leaves_the_last_change_out(host: Database) -> None:
    with host.connect(DEPLOYER) as connection:
        connection.execute("ALTER TABLE users DROP name; ALTER TABLE skills DROP name")
    assert 'no column "name" in public.skills, public.users' in fails(host, "deploy")
    succeeds(host, "revert", "-y")
    succeeds(host, "deploy", "--to", "notifications")
    succeeds(host, "verify", "--to", "notifications")
    succeeds(host, "revert", "-y")


def test_adopting_some_creates_the_others(empty: Database) -> None:
    with empty.connect(DEPLOYER) as connection:
        connection.execute("CREATE TABLE tenants (id text PRIMARY KEY, name text)")
        connection.execute("INSERT INTO tenants VALUES ('acme')")
    before = dump(empty)
    succeeds(empty, "deploy")
    succeeds(empty, "revert", "-y")
    assert dump(empty) == before


UNFIT = [
    (
        "DROP TABLE users; CREATE TABLE users (id text PRIMARY KEY)",
        ["public.users", "tenant_id text"],
    ),
    (
        "ALTER TABLE users ALTER tenant_id DROP NOT NULL",
        ["public.users", "tenant_id text NOT NULL"],
    ),
    ("ALTER TABLE users ALTER tenant_id TYPE varchar", ["public.users", "tenant_id text NOT NULL"]),
    ("ALTER TABLE skills DROP CONSTRAINT skills_pkey", ["public.skills", "primary key"]),
    (
        "DROP TABLE skills; CREATE TABLE skills (id uuid PRIMARY KEY, tenant_id text NOT NULL)",
        ["public.skills", "id text", "primary key"],
    ),
    (
        "DROP TABLE tenants CASCADE; CREATE TABLE tenants (id text, n text, PRIMARY KEY (id, n));"
        "DROP TABLE skills; CREATE VIEW skills AS SELECT 's' AS id, 't' AS tenant_id",
        ["public.tenants", "public.skills"],
    ),
]


@pytest.mark.parametrize(("change", "named"), UNFIT)
def test_an_unfit_host_is_told_what_it_lacks(
    host: Database, change: LiteralString, named: list[str]
) -> None:
    with host.connect(DEPLOYER) as connection:
        connection.execute(change)
    before = dump(host)
    complaint = fails(host, "deploy")
    assert all(name in complaint for name in [*named, "HINT:"])
    assert dump(host) == before


def test_a_role_that_may_not_create_roles_is_told(host: Database) -> None:
    with host.connect() as connection:
        connection.execute(f"ALTER ROLE {DEPLOYER} NOCREATEROLE")
        try:
            complaint = fails(host, "deploy")
            assert "may not create roles" in complaint
            assert "have an administrator create" in complaint

            connection.execute("; ".join(f"CREATE ROLE {role}" for role in ROLES).encode())
            succeeds(host, "deploy", "--verify")
            assert "did not create it" in succeeds(host, "revert", "-y")
            assert roles(host) == ROLES
        finally:
            connection.execute(f"DROP ROLE IF EXISTS {', '.join(ROLES)}".encode())
            connection.execute(f"ALTER ROLE {DEPLOYER} CREATEROLE")


@pytest.mark.parametrize("weakness", ["SUPERUSER", "BYPASSRLS", "LOGIN"])
def test_a_role_that_would_break_isolation_is_refused(
    empty: Database, weakness: LiteralString
) -> None:
    with empty.connect() as connection:
        connection.execute(f"CREATE ROLE skill_messages_app {weakness}")
        try:
            assert "role skill_messages_app exists and is" in fails(empty, "deploy")
        finally:
            connection.execute("DROP ROLE skill_messages_app")


def test_a_role_that_another_database_uses_stays(
    empty: Database, fresh_server: Server, names: Iterator[str]
) -> None:
    neighbour = Database(fresh_server, next(names))
    fresh_server.create_database(neighbour.name)
    succeeds(empty, "deploy")
    succeeds(neighbour, "deploy")

    assert "NOTICE:  role skill_messages_app stays" in succeeds(empty, "revert", "-y")
    assert roles(empty) == ROLES
    succeeds(neighbour, "verify")

    succeeds(neighbour, "revert", "-y")
    assert roles(empty) == []
    fresh_server.drop_database(neighbour.name)


def test_a_revert_drops_nothing_that_others_depend_on(empty: Database) -> None:
    succeeds(empty, "deploy")
    with empty.connect(DEPLOYER) as connection:
        connection.execute("CREATE TABLE likes (skill_id text REFERENCES skills (id))")
    assert "cannot drop table skills because" in fails(empty, "revert", "-y")
    with empty.connect(DEPLOYER) as connection:
        connection.execute("DROP TABLE likes")


def test_ties_are_broken_alike_in_every_locale(fresh_server: Server, names: Iterator[str]) -> None:
    """A database that sorts like a dictionary still pages through an inbox without a gap."""
    database = Database(fresh_server, next(names))
    with psycopg.connect(fresh_server.conninfo(), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {database.name} OWNER {DEPLOYER} TEMPLATE template0 "
            "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        )
    succeeds(database, "deploy")
    with database.connect() as connection:
        assert connection.execute("SELECT 'a' < 'B'").fetchone() == (True,)
        connection.execute("INSERT INTO tenants VALUES ('t', 'T')")
        connection.execute("INSERT INTO users VALUES ('u', 't', 'U')")
        connection.execute("INSERT INTO skills VALUES ('s', 't', 'S')")
        connection.execute("SELECT set_config('app.current_tenant_id', 't', false)")
        ids = ["a-1", "A1", "a1", "B", "b", "Z", "é", "-", "_x"]
        with connection.transaction():
            for message_id in ids:
                query = "SELECT send_skill_message('u', 'u', 's', 'Hello', id => %s)"
                connection.execute(query, [message_id])
        paged: list[str] = []
        page: tuple[object, object] | None = (None, None)
        while page:
            query = "SELECT created_at, id FROM get_messages_for_user('u', 2, %s, %s)"
            rows = connection.execute(query, page).fetchall()
            paged += [message_id for _, message_id in rows]
            page = rows[-1] if rows else None
    assert paged == sorted(ids, reverse=True)
    fresh_server.drop_database(database.name)
