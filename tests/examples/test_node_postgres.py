"""examples/node-postgres: the story that it prints, and what it is refused."""

import json
from typing import Any

import pytest

from tests.conftest import Database
from tests.node import install
from tools.server import ROOT

pytestmark = pytest.mark.node

Steps = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def steps(
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
    demo: Database,
) -> Steps:
    """What main.js prints, by the name of the step."""
    folder = tmp_path_factory.mktemp("node-postgres")
    program = install(ROOT / "examples/node-postgres", folder, pytestconfig.cache)
    [command] = program.commands()
    printed = program.run(*command.split(), DATABASE_URL=demo.url("app_login"))
    return {line.pop("step"): line for line in map(json.loads, printed.splitlines())}


def test_an_inbox_comes_page_by_page(steps: Steps) -> None:
    assert steps["sent"] == {"count": 3}
    assert steps["inbox"] == {
        "unread": 3,
        "pages": [
            ["Maya Okafor: Or both?", "Maya Okafor: Or this one?"],
            ["Maya Okafor: Shall I go under yours?"],
        ],
    }


def test_the_first_decision_stands(steps: Steps) -> None:
    assert steps["accepted"] == {"skill": "demo-slow-postgres", "under": "demo-explain"}
    conflict = steps["conflict"]
    assert conflict["code"] == "SM003"
    assert conflict["message"].endswith("already accepted or declined")
    assert conflict["hint"].startswith("A decision is final.")


def test_another_tenant_sees_no_such_message(steps: Steps) -> None:
    assert steps["another tenant"]["code"] == "SM002"


def test_an_error_that_is_caught_is_no_success(steps: Steps) -> None:
    assert steps["caught inside"]["message"] == "rolled back: a statement had failed"


def test_without_context_nothing_is_visible(steps: Steps) -> None:
    forgotten = steps["no context"]
    assert forgotten["visible"] == 0
    assert forgotten["code"] == steps["no tenant"]["code"] == steps["no user"]["code"] == "SM001"
    assert forgotten["message"] == "app.current_tenant_id: no tenant in the context"
    assert forgotten["hint"] == "First call set_skill_message_context() in this transaction."
    assert steps["no tenant"]["message"] == "tenant_id: no tenant given"
    assert steps["no user"]["message"] == "app.current_user_id: no user in the context"
