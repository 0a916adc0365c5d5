"""A few seconds of the state machine; and that it finds what is broken."""

from collections.abc import Iterator

import pytest

from tests.conftest import Database
from tests.soak.machine import play, watched
from tests.soak.machine_steps import Run

BROKEN = {
    "a policy dropped": "DROP POLICY app_reads_own ON skill_messages",
    "a decision overturned": "DROP TRIGGER answered_once ON skill_messages",
    "a reading moved": "DROP TRIGGER times_of_life ON skill_messages",
    "the context not checked": (
        "CREATE OR REPLACE FUNCTION skill_messages_private.check_skill_message_context("
        "tenant_id text, user_id text) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'"
    ),
}


@pytest.fixture
def run(deployed: Database) -> Iterator[Run]:
    with watched(deployed) as run:
        yield run


def test_the_database_does_as_the_model_does(run: Run) -> None:
    play(run, examples=40, derandomize=True)
    assert run.count["rows"] > 100
    assert len(run.kinds) > 30


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_is_found(run: Run, broken: str) -> None:
    run.superuser.tell(BROKEN[broken])
    with pytest.raises(AssertionError):
        play(run, examples=200, derandomize=True, shrink=False)
