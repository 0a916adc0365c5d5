"""The demo, on a server of its own and on databases of somebody else's."""

import os
import subprocess
import sys
from typing import Any

import pytest
from psycopg import errors

from tests.conftest import Database, dump
from tools.server import DEPLOYER, ROOT, sqitch


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.demo", *arguments],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_the_story_is_told(demo: subprocess.CompletedProcess[str], owner: str) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr
    parts = [
        "badge shows 1",
        "Heard: MessageSent",
        "Sent in one round trip",
        "accepted",
        "declined",
        "SM001: ",
        "SM002: ",
        "SM003: ",
        "SM005: tenant_id: this transaction or session acts for another tenant",
        "42501: user_id: ",
        "All that the demo created is removed again",
        "Isolation held",
    ]
    if owner == DEPLOYER:
        parts += [
            f"42501: {owner} does not have the rights of skill_messages_service or ",
            f"Hint: GRANT skill_messages_service TO {owner}",
            f"After GRANT skill_messages_service TO {owner}",
            ": 6 messages.",
            "This GRANT is undone again.",
        ]
    else:
        parts += [f"the owner is {owner}, and no policy binds it"]
    assert [part for part in parts if part not in demo.stdout] == []


def traces(database: Database) -> list[Any]:
    """Whatever the demo could leave behind, in the database and beside it."""
    roles = """
        SELECT r.rolname, m.roleid::regrole::text, to_jsonb(m) - '{oid,roleid,member}'::text[]
        FROM pg_roles AS r LEFT JOIN pg_auth_members AS m ON m.member = r.oid
        ORDER BY r.rolname, m.roleid::regrole::text, m.grantor
    """
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_t' ORDER BY nspname"
    with database.connect() as connection:
        beside = [connection.execute(query).fetchall() for query in (roles, schemas)]
    return dump(database) + beside


def test_on_a_server_of_its_own() -> None:
    assert_the_story_is_told(run_demo(), DEPLOYER)


@pytest.mark.parametrize(("kind", "user"), [("empty", DEPLOYER), ("host", "postgres")])
def test_on_a_database_of_the_users_own(
    kind: str, user: str, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue(kind)
    before = traces(database)
    url = f"postgresql://{user}@127.0.0.1:{database.server.settings['port']}/{database.name}"

    assert_the_story_is_told(run_demo("--database-url", url), user)
    assert traces(database) == before

    sqitch("deploy", database.target)
    deployed = traces(database)
    assert_the_story_is_told(run_demo("--database-url", url), DEPLOYER)
    assert traces(database) == deployed


def test_what_the_user_has_granted_and_loaded_before_stays(empty: Database) -> None:
    sqitch("deploy", empty.target)
    url = f"postgresql://{DEPLOYER}@127.0.0.1:{empty.server.settings['port']}/{empty.name}"
    with empty.connect(DEPLOYER) as connection:
        connection.execute(f"GRANT skill_messages_service TO {DEPLOYER}".encode())
        granted = traces(empty)
        demo = run_demo("--database-url", url)
        assert f"the owner is {DEPLOYER}, and it has been granted a role already" in demo.stdout
        assert demo.returncode == 0
        assert traces(empty) == granted

        connection.execute((ROOT / "sql/demo.sql").read_bytes())
    loaded = traces(empty)
    assert loaded != granted
    assert "UniqueViolation" in run_demo("--database-url", url).stderr
    assert traces(empty) == loaded


@pytest.mark.parametrize("user", ["postgres", DEPLOYER, "service_login"])
def test_the_demo_data_load(deployed: Database, user: str) -> None:
    data = (ROOT / "sql/demo.sql").read_bytes()
    with deployed.connect(user) as connection:
        if user == DEPLOYER:
            with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(data)
            connection.execute("ROLLBACK")
            connection.execute("GRANT skill_messages_service TO CURRENT_USER")
        connection.execute(data)
        if user == DEPLOYER:
            connection.execute("REVOKE skill_messages_service FROM CURRENT_USER")
    with deployed.connect() as connection:
        loaded = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM skills)"
        assert connection.execute(loaded).fetchone() == (12, 24)
