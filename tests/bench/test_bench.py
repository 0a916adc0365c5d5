"""The benchmark runs: all contestants do all operations and read the same. Nothing is timed."""

import json

import pytest

from tests.bench import figures, single
from tests.bench.data import Population, load
from tests.bench.hosts import fill
from tests.bench.operations import OPERATIONS, World
from tests.bench.report import SHOWN
from tests.bench.tables import BARE, HAND
from tests.conftest import Database


def test_every_contestant_does_every_operation(deployed: Database) -> None:
    conninfo = deployed.conninfo().removesuffix(" user=postgres")
    with deployed.connect() as admin:
        admin.execute("CREATE ROLE unbound_login LOGIN BYPASSRLS IN ROLE skill_messages_service")
        admin.execute("CREATE ROLE hand_login LOGIN")
        admin.execute(BARE)
        admin.execute(HAND)
        population = Population(2000, 200)
        load(admin, deployed.conninfo(), population)
        world = World(conninfo, admin, population)
        found = {each.name: single.measure_operation(world, each, 0) for each in OPERATIONS}
        admin.execute("DROP OWNED BY hand_login; DROP ROLE hand_login, unbound_login")
    assert {
        name: by_name[figures.ours(by_name)]["round_trips"] for name, by_name in found.items()
    } == dict.fromkeys(found, 1)
    assert set(SHOWN) < set(found)


def test_made_up_messages_are_as_a_purge_wants_them(deployed: Database) -> None:
    with deployed.connect() as admin:
        fill(admin, tenants=2, messages=100)
        kept = admin.execute(
            "SELECT count(*), count(DISTINCT id), min(status), count(read_at) FROM skill_messages"
        ).fetchone()
    assert kept == (100, 100, "accepted", 100)


@pytest.mark.parametrize(("ratio", "cell"), [(0.94, "**not met**"), (0.95, "met"), (0.946, "met")])
def test_a_goal_is_judged_by_what_is_printed(ratio: float, cell: str) -> None:
    goal = figures.Goal("send", {"": figures.Ratio(ratio, ratio, ratio)}, 0.95)
    assert goal.row()[-1] == cell
    assert json.dumps(goal.json())
