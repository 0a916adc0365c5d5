"""INSERT … ON CONFLICT and MERGE: a unique key meets rows that no policy shows."""

import pytest

from tests.attacks.conftest import ACTORS, HIDDEN, acting
from tests.conftest import Database

MESSAGE = (
    "INSERT INTO skill_messages"
    " (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)"
    " VALUES ('{id}', '{tenant}', 'ann', 'bob', 'sql', 'Hi') "
)
USER = "INSERT INTO users VALUES ('{id}', '{tenant}', 'X') "
SKILL = "INSERT INTO skills VALUES ('{id}', '{tenant}', 'X') "
TENANT = "INSERT INTO tenants VALUES ('{id}', 'X') "
MERGE_MESSAGE = (
    "MERGE INTO skill_messages AS m USING (VALUES ('{id}')) AS v (id) ON m.id = v.id"
    " WHEN MATCHED AND m::text::int = 1 THEN UPDATE SET status = 'accepted'"
    " WHEN NOT MATCHED THEN"
    " INSERT (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)"
    " VALUES (v.id, '{tenant}', 'ann', 'bob', 'sql', 'Hi')"
)
MERGE_USER = (
    "MERGE INTO users AS u USING (VALUES ('{id}')) AS v (id) ON u.id = v.id"
    " WHEN MATCHED AND u::text::int = 1 THEN UPDATE SET name = 'X'"
    " WHEN NOT MATCHED THEN INSERT (id, tenant_id, name) VALUES (v.id, '{tenant}', 'X')"
)

# The cast fails with the whole row in its error; LIKE says yes or no.
WHOLE_ROW = "DO UPDATE SET status = 'accepted' WHERE skill_messages::text::int = 1"
YES_OR_NO = "DO UPDATE SET status = 'accepted' WHERE skill_messages.message LIKE 'S%' RETURNING id"

# What it tries: the statement, an id of globex, and one that exists nowhere.
ORACLES = {
    "row by id": (MESSAGE + "ON CONFLICT (id) " + WHOLE_ROW, "g1", "g0"),
    "row by key": (MESSAGE + "ON CONFLICT (id, tenant_id) " + WHOLE_ROW, "g1", "g0"),
    "row by constraint": (
        MESSAGE + "ON CONFLICT ON CONSTRAINT skill_messages_pkey " + WHOLE_ROW,
        "g1",
        "g0",
    ),
    "text by key": (MESSAGE + "ON CONFLICT (id, tenant_id) " + YES_OR_NO, "g1", "g0"),
    "existence": (MESSAGE + "ON CONFLICT DO NOTHING RETURNING id", "g1", "g0"),
    "existence by error": (MESSAGE, "g1", "g0"),
    "row by merge": (MERGE_MESSAGE, "g1", "g0"),
    "user by id": (
        USER + "ON CONFLICT (id) DO UPDATE SET name = 'X' WHERE users::text::int = 1",
        "gus",
        "gos",
    ),
    "user by key": (
        USER + "ON CONFLICT (id, tenant_id) DO UPDATE SET name = 'X' WHERE users::text::int = 1",
        "gus",
        "gos",
    ),
    "user by merge": (MERGE_USER, "gus", "gos"),
    "skill by id": (
        SKILL + "ON CONFLICT (id) DO UPDATE SET name = 'X' WHERE skills::text::int = 1",
        "welding",
        "wolding",
    ),
    "skill by key": (
        SKILL + "ON CONFLICT (id, tenant_id) DO UPDATE SET name = 'X' WHERE skills::text::int = 1",
        "welding",
        "wolding",
    ),
    "tenant": (
        TENANT + "ON CONFLICT (id) DO UPDATE SET name = 'X' WHERE tenants::text::int = 1",
        "globex",
        "globox",
    ),
    "existence of a tenant": (TENANT + "ON CONFLICT DO NOTHING", "globex", "globox"),
}

SERVERS_WITHOUT_THE_HOLE = {15: 150020, 16: 160016, 17: 170012, 18: 180007}


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("actor", ACTORS)
def test_a_row_of_another_tenant_answers_as_one_that_does_not_exist(
    victim: Database, actor: str, oracle: str
) -> None:
    statement, theirs, nobodys = ORACLES[oracle]
    writers = {"service", "both", "owner and service"}
    if "INTO skill_messages" in statement:
        writers.add("app")
    for tenant in ("acme", "globex"):
        with acting(victim, actor) as attacker:
            answer = attacker.tries(statement.format(id=theirs, tenant=tenant))
            other = attacker.tries(statement.format(id=nobodys, tenant=tenant))
        assert answer.told == other.told.replace(nobodys, theirs)
        assert HIDDEN not in answer.told

        refused = tenant == "globex" or actor not in writers or "tenant" in oracle
        no_such_key = oracle.endswith("by id")
        assert answer.sqlstate == other.sqlstate
        if isinstance(victim, Database):  # a cluster refuses some of these before
            assert answer.sqlstate == ("42P10" if no_such_key else "42501" if refused else None)


@pytest.mark.parametrize("oracle", ["row by key", "row by constraint", "row by merge"])
def test_the_oracles_are_true_ones(victim: Database, oracle: str) -> None:
    """Of what the service may read they do speak."""
    with acting(victim, "service") as attacker:
        answer = attacker.tries(ORACLES[oracle][0].format(id="a2", tenant="acme"))
    assert answer.sqlstate == "22P02"
    assert HIDDEN in answer.told


@pytest.mark.parametrize("actor", ["app", "both"])
def test_a_message_between_others_of_the_tenant_is_not_told(victim: Database, actor: str) -> None:
    """CVE-2026-120154, which only an updated server closes within a tenant."""
    with acting(victim, actor) as attacker:
        version = attacker.connection.info.server_version
        if version < SERVERS_WITHOUT_THE_HOLE.get(version // 10000, 0):
            pytest.skip("the server is open to CVE-2026-120154: update it")
        right_or_wrong = [
            attacker.tries(ORACLES[oracle][0].format(id="a2", tenant="acme").replace("S%", guess))
            for oracle in ("row by key", "row by constraint", "text by key")
            for guess in ("S%", "X%")
        ]
    assert {answer.sqlstate for answer in right_or_wrong} == {"42501"}
    assert len({answer.told for answer in right_or_wrong}) == 1
    assert "(USING expression)" in right_or_wrong[0].told
    assert HIDDEN not in right_or_wrong[0].told


@pytest.mark.parametrize("actor", ["app", "both"])
def test_merge_does_not_tell_of_a_message_between_others(victim: Database, actor: str) -> None:
    """MERGE knows no conflict: to it such a message is not there, and the key refuses the id."""
    with acting(victim, actor) as attacker:
        answer = attacker.tries(MERGE_MESSAGE.format(id="a2", tenant="acme"))
    assert answer.sqlstate == "23505"
    assert HIDDEN not in answer.told


def test_an_id_of_another_tenant_can_be_taken_and_does_not_block(database: Database) -> None:
    """Squatting: ids are the tenant's own, also while the other transaction is open."""
    send = "SELECT send_skill_message('{}', '{}', '{}', 'Mine', id => 'same')"
    act = "SELECT set_skill_message_context(%s, %s)"
    with database.connect("app_login") as gus, database.connect("app_login") as ann:
        with gus.transaction():
            gus.execute(act, ["globex", "gus"])
            gus.execute(send.format("gus", "ida", "welding").encode())
            with ann.transaction():
                ann.execute("SET LOCAL lock_timeout = '1s'")
                ann.execute(act, ["acme", "ann"])
                ann.execute(send.format("ann", "bob", "sql").encode())
        for connection, tenant, user in (gus, "globex", "gus"), (ann, "acme", "ann"):
            with connection.transaction():
                connection.execute(act, [tenant, user])
                inbox = connection.execute("SELECT tenant_id, message FROM skill_messages")
                assert inbox.fetchall() == [(tenant, "Mine")]


@pytest.mark.parametrize("actor", ["service", "app", "owner and service"])
def test_a_merge_that_reads_no_column_learns_that_there_are_rows_and_no_more(
    victim: Database, actor: str
) -> None:
    """Nobody asks a policy for SELECT then: of a row of anybody, the one for UPDATE says no."""
    merge = (
        "MERGE INTO skill_messages AS m USING (VALUES (1)) AS v (row) ON {}"
        " WHEN MATCHED THEN UPDATE SET status = 'accepted'"
    )
    with acting(victim, actor, tenant="nowhere") as attacker:
        blind = attacker.tries(merge.format("true"))
        assert blind.sqlstate == "42501"
        assert HIDDEN not in blind.told
        for condition in ("m.tenant_id = 'globex'", "m.id IS NOT NULL", "m IS NOT NULL"):
            assert attacker.tries(merge.format(condition)).told == "MERGE 0"
