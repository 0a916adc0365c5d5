"""The demo, on a server of its own and on databases of somebody else's."""

import os
import subprocess
import sys

import pytest
from conftest import Database, dump
from server import DEPLOYER, ROOT, sqitch


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "python/tools/demo.py"), *arguments],
        env=os.environ | {"COLUMNS": "200", "PYTHONPATH": str(ROOT / "python/tools")},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_the_story_is_told(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr
    for part in (
        "badge shows 1",
        "Heard: MessageSent",
        "Sent in one round trip",
        "accepted",
        "declined",
        "SM001",
        "SM002",
        "SM003",
        "42501",
    ):
        assert part in demo.stdout
    assert "Isolation held" in demo.stdout


def test_on_a_server_of_its_own() -> None:
    assert_the_story_is_told(run_demo())


@pytest.mark.parametrize("kind", ["empty", "host"])
@pytest.mark.parametrize("user", ["postgres", DEPLOYER])
def test_on_a_database_of_the_users_own(
    kind: str, user: str, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue(kind)
    before = dump(database)
    url = f"postgresql://{user}@127.0.0.1:{database.server.settings['port']}/{database.name}"

    assert_the_story_is_told(run_demo("--database-url", url))
    assert dump(database) == before

    sqitch("deploy", database.target)
    deployed = dump(database)
    assert_the_story_is_told(run_demo("--database-url", url))
    assert dump(database) == deployed
