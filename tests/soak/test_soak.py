"""The campaigns in small, and that each sees what it is there to see."""

import pytest
from typing_extensions import LiteralString

from tests.conftest import Database
from tests.soak import crash, pooler, races
from tests.soak.pooler_clients import Found
from tests.soak.race_operations import LEVELS
from tests.trial.report import Figure

SECONDS = 60


def pooled(database: Database, login: str) -> Found:
    with database.connect() as superuser:
        superuser.execute(pooler.HOST.encode())
    return pooler.run(database, 200, SECONDS, login=login, clients=8, seed=1)


@pytest.mark.parametrize("login", ["app_login", "service_login"])
def test_no_leak_under_a_pooler(deployed: Database, login: str) -> None:
    found = pooled(deployed, login)
    assert found.wrong == []
    assert found.rows > 100
    assert len(found.faults) > 5


# The context for the session in place of the transaction, as some tutorials have it.
FOR_THE_SESSION: LiteralString = """
CREATE OR REPLACE FUNCTION set_skill_message_context(tenant_id text, user_id text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
    SELECT set_config('app.current_tenant_id', tenant_id, false),
        set_config('app.current_user_id', coalesce(user_id, ''), false)
$$
"""

LEAKS: dict[str, LiteralString] = {
    "context for the session": FOR_THE_SESSION,
    "no row-level security": "ALTER TABLE skill_messages DISABLE ROW LEVEL SECURITY",
    "a policy for all tenants": (
        "DROP POLICY always_current_tenant ON skill_messages;"
        "DROP POLICY tenant_isolation ON skill_messages;"
        "ALTER POLICY tenant_access ON skill_messages USING (true)"
    ),
    "a policy for all users": "DROP POLICY app_reads_own ON skill_messages",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_under_a_pooler_is_seen(deployed: Database, leak: str) -> None:
    with deployed.connect() as superuser:
        superuser.execute(LEAKS[leak])
    assert any(
        "without a context" in text or " got " in text
        for text in pooled(deployed, "app_login").wrong
    )


def bad(figures: list[Figure]) -> list[str]:
    return [title for title, _, _, good in figures if not good]


def test_nothing_is_lost_in_a_crash() -> None:
    assert bad(list(crash.crashes(1, load=50))) == []


def test_nothing_is_lost_when_a_standby_takes_over() -> None:
    assert bad(list(crash.promotions(1, load=50))) == []


def test_a_loss_in_a_crash_is_seen() -> None:
    unlogged = "ALTER TABLE skill_messages SET UNLOGGED"
    [lost] = bad(list(crash.crashes(1, load=50, sabotage=unlogged)))
    assert "lost" in lost


SOME = [
    ("accept", "decline"),
    ("read", "read"),
    ("send", "send otherwise"),
    ("send", "delete subject"),
    ("erase", "accept"),
    ("purge", "read"),
]


def test_exactly_one_wins(deployed: Database) -> None:
    for pair in SOME:
        for level in LEVELS:
            seen, wrong = races.race(deployed, level, pair, 3)
            assert (wrong, seen.total()) == ([], 3)
    for level in LEVELS:
        assert races.switches(deployed, level, 4)[1] == []


# Each still checks by itself, so that only a race shows what is missing.
LOOSE = """
CREATE OR REPLACE FUNCTION mark_message_read(message_id text) RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
    v_seen timestamptz;
    v_now timestamptz := clock_timestamp();
BEGIN
    SELECT read_at INTO v_seen FROM skill_messages WHERE id = message_id;
    UPDATE skill_messages SET read_at = v_now WHERE id = message_id AND v_seen IS NULL;
    RETURN coalesce(v_seen, v_now);
END $$
"""


def test_two_winners_are_seen(deployed: Database) -> None:
    with deployed.connect() as superuser:
        superuser.execute(LOOSE.encode())
    _, wrong = races.race(deployed, "read committed", ("read", "read"), 20)
    assert "two readings" in " ".join(wrong)
