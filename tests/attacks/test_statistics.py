"""What the planner knows of other tenants, and what it says of that."""

# ruff: noqa: S608
# These statements are attacks, put together on purpose.

import json
from typing import Any

import pytest

from tests.attacks.conftest import HIDDEN, Attacker, acting
from tests.conftest import Database

READERS = ["service", "app", "both", "owner and service"]


def test_no_text_stands_in_the_statistics(victim: Database) -> None:
    with victim.connect() as superuser:
        for catalogue in ("pg_statistic", "pg_statistic_ext_data", "pg_stats", "pg_stats_ext"):
            query = f"SELECT s::text FROM {catalogue} AS s"
            found = [text for (text,) in superuser.execute(query.encode())]
            assert catalogue == "pg_stats_ext" or found
            assert not [text for text in found if "Secret of" in text]


@pytest.mark.parametrize("actor", [*READERS, "retention", "nobody"])
def test_the_views_of_the_statistics_are_empty(victim: Database, actor: str) -> None:
    tables = "('skill_messages', 'users', 'skills', 'tenants')"
    with acting(victim, actor) as attacker:
        for view in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"):
            answer = attacker.tries(f"SELECT * FROM {view} WHERE tablename IN {tables}")
            assert answer.told == "[]"


# A condition on what another tenant wrote, and the right guess of it.
CONDITIONS = {
    "message is": ("skill_messages WHERE message = '{}'", "Secret of Globex"),
    "message begins with": ("skill_messages WHERE message LIKE '{}%'", "Secret of Globex"),
    "message sorts before": ("skill_messages WHERE message < '{}'", "Secret of Globex"),
    "message sorts after": ("skill_messages WHERE message >= '{}'", "Secret of Globex"),
    "message is one of": ("skill_messages WHERE message IN ('{}', 'x')", "Secret of Globex"),
    "user is called": ("users WHERE name = '{}'", "Secret Gus"),
    "user sorts before": ("users WHERE name <= '{}'", "Secret Gus"),
    "skill is called": ("skills WHERE name = '{}'", "Secret skill"),
    "tenant is called": ("tenants WHERE name = '{}'", "Secret tenant"),
}


def plan(attacker: Attacker, query: str, analyze: str = "") -> Any:
    explained = attacker.connection.execute(f"EXPLAIN (FORMAT JSON{analyze}) {query}".encode())
    row = explained.fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("actor", READERS)
def test_a_plan_does_not_tell_whether_a_guess_is_right(
    victim: Database, actor: str, condition: str
) -> None:
    """By its estimate; letter by letter that would spell out what another tenant wrote."""
    query, guess = CONDITIONS[condition]
    wrong = guess[:-1] + chr(ord(guess[-1]) - 1)
    with acting(victim, actor) as attacker:
        right_plan = json.dumps(plan(attacker, "SELECT FROM " + query.format(guess)))
        wrong_plan = json.dumps(plan(attacker, "SELECT FROM " + query.format(wrong)))
    # LIKE becomes a range, up to what sorts behind it.
    behind = [text[:-1] + chr(ord(text[-1]) + 1) for text in (guess, wrong)]
    assert right_plan.replace(behind[0], behind[1]).replace(guess, wrong) == wrong_plan


@pytest.mark.parametrize("actor", READERS)
def test_a_plan_that_was_run_counts_own_rows_alone(victim: Database, actor: str) -> None:
    """The right guess of a text runs exactly as a wrong one does."""
    analyze = ", ANALYZE, BUFFERS OFF, TIMING OFF, SUMMARY OFF, COSTS OFF"
    query = "SELECT FROM skill_messages WHERE message = '{}'"
    with acting(victim, actor) as attacker:
        right = json.dumps(plan(attacker, query.format("Secret of Globex"), analyze))
        wrong = json.dumps(plan(attacker, query.format("Public of Globex"), analyze))
    assert right.replace(HIDDEN, "Public") == wrong


# The planner evaluates a condition of the caller before a policy if it is leakproof and cheaper,
# and a subquery only when it must: so that it tells whether anybody's row met the condition.
TELL = """
CREATE FUNCTION pg_temp.tell() RETURNS text LANGUAGE plpgsql AS
$$BEGIN RAISE NOTICE 'it is right'; RETURN ''; END$$;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off;
"""

GUESSES = {
    "equal": "{column} = '{guess}'",
    "one of": "{column} = ANY ('{{{guess}}}')",
    "after": "{column} >= '{guess}'",
    "after one of": "{column} >= ANY ('{{{guess}}}')",
    "the greater": "greatest({column}, '{guess}') = {column}",
    "within CASE": "CASE WHEN {column} = ANY ('{{{guess}}}') THEN (SELECT pg_temp.tell()) = '' END",
}

SECRETS = {
    "skill_messages": ("message", "Secret of Globex"),
    "users": ("name", "Secret Gus"),
    "skills": ("name", "Secret skill"),
    "tenants": ("name", "Secret tenant"),
}


@pytest.mark.parametrize("actor", READERS)
@pytest.mark.parametrize("table", SECRETS)
def test_no_condition_is_evaluated_before_the_tenant(
    victim: Database, actor: str, table: str
) -> None:
    column, right = SECRETS[table]
    wrong = right.replace(HIDDEN, "Secrez")
    with acting(victim, actor) as attacker:
        attacker.connection.execute(TELL.encode())

        def told(condition: str, guess: str) -> str:
            where = condition.format(column=column, guess=guess)
            query = f"SELECT FROM {table} WHERE {where} AND id = (SELECT pg_temp.tell())"
            return attacker.tries(query).told

        for condition in GUESSES.values():
            assert told(condition, right) == told(condition, wrong)


LEAK = """
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
$$BEGIN RAISE NOTICE 'leaked: %', $1; RETURN true; END$$;
CREATE FUNCTION pg_temp.leak(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
$$BEGIN RAISE NOTICE 'leaked: %', $1; RETURN true; END$$;
CREATE OPERATOR pg_temp.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.leak,
    RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR pg_temp.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.leak,
    RESTRICT = scalarltsel);
CREATE TEMP TABLE mine AS SELECT 'mine' AS name FROM generate_series(1, 50);
ANALYZE mine
"""

# A cheap function that tells what it sees, wherever a statement may call one.
LEAKS = {
    "in a condition": "SELECT id FROM skill_messages WHERE pg_temp.leak(message)",
    "in a condition on a user": "SELECT id FROM users WHERE pg_temp.leak(name)",
    "in a condition on a skill": "SELECT id FROM skills WHERE pg_temp.leak(name)",
    "in a condition on a tenant": "SELECT id FROM tenants WHERE pg_temp.leak(name)",
    "in an order": "SELECT id FROM skill_messages ORDER BY pg_temp.leak(message)",
    "in a group": "SELECT count(*) FROM skill_messages GROUP BY pg_temp.leak(message)",
    "in a join": "SELECT FROM skill_messages AS m INNER JOIN mine ON pg_temp.leak(m.message)",
    "in an outer join": "SELECT FROM mine LEFT JOIN skill_messages AS m ON pg_temp.leak(m.message)",
    "in an update": "UPDATE skill_messages SET read_at = now() WHERE pg_temp.leak(message)",
    "in a lock": "SELECT id FROM skill_messages WHERE pg_temp.leak(message) FOR UPDATE",
    "in a subquery": (
        "SELECT FROM users AS u WHERE EXISTS (SELECT FROM skill_messages AS m"
        " WHERE m.to_user_id = u.id AND pg_temp.leak(m.message))"
    ),
    "in a view": (
        "CREATE TEMP VIEW v AS SELECT * FROM skill_messages WHERE pg_temp.leak(message);"
        "SELECT id FROM v"
    ),
    "in a cast": "SELECT id FROM skill_messages WHERE message::int = 1",
    "in a division": "SELECT id FROM skill_messages WHERE 1 / (length(message) - 16) > 0",
    "in a plan that is run": (
        "EXPLAIN ANALYZE SELECT FROM skill_messages WHERE pg_temp.leak(message)"
    ),
    "in an operator": ("SELECT id FROM skill_messages WHERE message OPERATOR(pg_temp.===) 'x'"),
    "in an estimate of equality": (
        "EXPLAIN SELECT FROM skill_messages WHERE message OPERATOR(pg_temp.===) 'x'"
    ),
    "in an estimate of order": (
        "EXPLAIN SELECT FROM skill_messages WHERE id OPERATOR(pg_temp.<<<) 'x'"
    ),
    "in an estimate on users": ("EXPLAIN SELECT FROM users WHERE name OPERATOR(pg_temp.===) 'x'"),
    "in an estimate of a join": (
        "EXPLAIN SELECT FROM users AS u INNER JOIN mine ON u.name OPERATOR(pg_temp.===) mine.name"
    ),
    "in a cursor": (
        "DECLARE c CURSOR FOR SELECT id FROM skill_messages WHERE pg_temp.leak(message);"
        "MOVE FORWARD ALL IN c"
    ),
    "in a sample": "SELECT id FROM skill_messages TABLESAMPLE SYSTEM (100)"
    " WHERE pg_temp.leak(message)",
}


@pytest.mark.parametrize("way", LEAKS)
@pytest.mark.parametrize("actor", ["app", "both", "service", "owner"])
def test_a_leaky_function_sees_own_rows_alone(victim: Database, actor: str, way: str) -> None:
    with acting(victim, actor) as attacker:
        attacker.connection.execute(LEAK.encode())
        answer = attacker.tries(LEAKS[way])
    told = answer.told
    if actor == "service":
        # It reads all of its own tenant.
        told = told.replace("Secret of Bob and Cy", "")
    assert HIDDEN not in told
    assert "globex" not in told.lower()


def test_the_leaks_are_true_ones(victim: Database) -> None:
    """Of what Ann may read they do tell, and of the statistics of a table of her own."""
    with acting(victim, "app") as attacker:
        attacker.connection.execute(LEAK.encode())
        assert "leaked: Ann to Bob" in attacker.tries(LEAKS["in a condition"]).told
        estimate = "EXPLAIN SELECT FROM mine WHERE name OPERATOR(pg_temp.===) 'x'"
        assert "leaked: mine" in attacker.tries(estimate).told
