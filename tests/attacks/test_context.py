"""Becoming another tenant or another user in the middle of a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from skill_messages import ContextConflictError
from tests.attacks.conftest import HIDDEN, Answer, Attacker
from tests.conftest import Database, Flavour

CHOOSE = "SELECT set_skill_message_context('{}', {})"
ACME = CHOOSE.format("acme", "'ann'")
AS_BOB = CHOOSE.format("acme", "'bob'")
GLOBEX = CHOOSE.format("globex", "'gus'")
SET_CONFIG = "SELECT set_config('app.current_{}_id', '{}', {})"
ACME_BY_SET_CONFIG = SET_CONFIG.format("tenant", "acme", "true")
ANN_BY_SET_CONFIG = SET_CONFIG.format("user", "ann", "true")
READ = "SELECT tenant_id, message FROM skill_messages"


@contextmanager
def transaction(database: Database, login: str, **options: Any) -> Iterator[Attacker]:
    """A transaction in which nobody has chosen anything yet."""
    with (
        database.connect(login, **options) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield Attacker(connection)


def tried(attacker: Attacker, *statements: str) -> Answer:
    """The answer to the last one; all before it must succeed."""
    for statement in statements[:-1]:
        attacker.connection.execute(statement.encode())
    return attacker.tries(statements[-1])


# What was done before, and whom it is then too late to become.
CHOSEN = {
    "by the function": ([ACME], GLOBEX),
    "by the function without a user": ([CHOOSE.format("acme", "NULL")], GLOBEX),
    "by set_config": ([ACME_BY_SET_CONFIG, ANN_BY_SET_CONFIG], GLOBEX),
    "by set_config, tenant alone": ([ACME_BY_SET_CONFIG], GLOBEX),
    "by SET LOCAL": (["SET LOCAL app.current_tenant_id = 'acme'"], GLOBEX),
    "by SET": (["SET app.current_tenant_id = 'acme'"], GLOBEX),
    "by set_config for the session": ([SET_CONFIG.format("tenant", "acme", "false")], GLOBEX),
    "twice the same": ([ACME, ACME, ACME], GLOBEX),
    "and a savepoint": (["SAVEPOINT s", ACME, "RELEASE s"], GLOBEX),
    "before a savepoint": ([ACME, "SAVEPOINT s", READ, "ROLLBACK TO s"], GLOBEX),
    "marker emptied": ([ACME, "SET LOCAL skill_messages.tenant_id = ''"], GLOBEX),
    "marker reset": ([ACME, "RESET skill_messages.tenant_id"], GLOBEX),
    "marker of another": ([ACME, "SET LOCAL skill_messages.tenant_id = 'x'"], GLOBEX),
    "marker of the wanted one": (
        [ACME_BY_SET_CONFIG, "SET LOCAL skill_messages.tenant_id = 'globex'"],
        GLOBEX,
    ),
    "in one statement": (
        [],
        "SELECT set_skill_message_context(tenant, member)"
        " FROM (VALUES ('acme', 'ann'), ('globex', 'gus')) AS v (tenant, member)",
    ),
    "and the conflict was caught": (
        [
            ACME,
            "DO $$ BEGIN PERFORM set_skill_message_context('globex');"
            " EXCEPTION WHEN SQLSTATE 'SM005' THEN NULL; END $$",
        ],
        GLOBEX,
    ),
}


@pytest.mark.parametrize("chosen", CHOSEN)
@pytest.mark.parametrize("login", ["service_login", "app_login", "both_login", "retention_login"])
def test_another_tenant_after_one_was_chosen(victim: Database, login: str, chosen: str) -> None:
    before, then = CHOSEN[chosen]
    if login == "retention_login":
        before = [statement for statement in before if statement != READ]
    with transaction(victim, login) as attacker:
        answer = tried(attacker, *before, then)
        assert answer.sqlstate == "SM005"
        # Nor has it become the other one by half.
        assert "globex" not in attacker.tries("SELECT id, tenant_id FROM skill_messages").told


USERS = {
    "by the function": ([ACME], AS_BOB),
    "by the function without a user": ([CHOOSE.format("acme", "NULL")], ACME),
    "by the function, then none": ([ACME], CHOOSE.format("acme", "NULL")),
    "by set_config": ([ACME_BY_SET_CONFIG, ANN_BY_SET_CONFIG], AS_BOB),
    "by set_config, user alone": ([ANN_BY_SET_CONFIG], AS_BOB),
    "by set_config, tenant alone": ([ACME_BY_SET_CONFIG], ACME),
    "by SET": (["SET app.current_tenant_id = 'acme'", "SET app.current_user_id = 'ann'"], AS_BOB),
    "marker of the same": ([ANN_BY_SET_CONFIG, "SET skill_messages.tenant_id = 'acme'"], AS_BOB),
}


@pytest.mark.parametrize("chosen", USERS)
@pytest.mark.parametrize("login", ["app_login", "both_login"])
def test_another_user_after_one_was_chosen(victim: Database, login: str, chosen: str) -> None:
    before, then = USERS[chosen]
    with transaction(victim, login) as attacker:
        assert tried(attacker, *before, then).sqlstate == "SM005"


def test_the_same_context_again_and_again(victim: Database) -> None:
    with transaction(victim, "app_login") as attacker:
        assert tried(attacker, *[ACME] * 5).sqlstate is None
    with transaction(victim, "app_login") as attacker:
        by_hand = [ACME_BY_SET_CONFIG, ANN_BY_SET_CONFIG]
        assert tried(attacker, *by_hand, ACME, *by_hand, ACME).sqlstate is None


def test_a_savepoint_that_is_rolled_back_takes_its_choice_along(victim: Database) -> None:
    with transaction(victim, "app_login") as attacker:
        assert tried(attacker, "SAVEPOINT s", ACME, "ROLLBACK TO s", GLOBEX).sqlstate is None
        assert attacker.tries(AS_BOB).sqlstate == "SM005"


@pytest.fixture(
    params=[
        "startup option",
        "role",
        "role in the database",
        "database",
        "startup option, user too",
    ]
)
def by_default(request: pytest.FixtureRequest, database: Database) -> Iterator[dict[str, str]]:
    """A tenant, acme, that app_login's connections bring along; what else to connect with."""
    setting = "SET app.current_tenant_id = 'acme'"
    alter = {
        "role": "ALTER ROLE app_login",
        "role in the database": f"ALTER ROLE app_login IN DATABASE {database.name}",
        "database": f"ALTER DATABASE {database.name}",
    }.get(request.param)
    if alter is None:
        user = " -c app.current_user_id=ann" if "user" in request.param else ""
        yield {"options": "-c app.current_tenant_id=acme" + user}
        return
    with database.connect() as superuser:
        superuser.execute(f"{alter} {setting}".encode())
        yield {}
        superuser.execute(f"{alter} RESET app.current_tenant_id".encode())


def test_a_default_tenant_is_replaced_once(database: Database, by_default: dict[str, str]) -> None:
    with database.connect("app_login", **by_default) as connection:
        for _ in range(2):
            with connection.transaction():
                attacker = Attacker(connection)
                assert attacker.tries("SHOW app.current_tenant_id").told == "[('acme',)]"
                assert tried(attacker, GLOBEX, GLOBEX, ACME).sqlstate == "SM005"
                assert attacker.tries("SHOW app.current_tenant_id").told == "[('globex',)]"
            with connection.transaction():
                # The default, chosen explicitly, is a choice.
                assert tried(Attacker(connection), ACME, GLOBEX).sqlstate == "SM005"
            with connection.transaction():
                # The user by hand: somebody has chosen.
                before = SET_CONFIG.format("user", "bob", "true")
                assert tried(Attacker(connection), before, GLOBEX).sqlstate == "SM005"
            with connection.transaction():
                before = SET_CONFIG.format("tenant", "globex", "true")
                assert tried(Attacker(connection), before, ACME).sqlstate == "SM005"


# A generated API sets the context by set_config, and lets the user call every function.
API_CALLS = [
    "SELECT set_skill_message_context('globex')",
    "SELECT set_skill_message_context('globex', 'gus')",
    "SELECT set_skill_message_context('acme', 'bob')",
    "SELECT skill_messages_private.check_skill_message_context('globex', 'gus')",
    "SELECT * FROM set_skill_message_context('globex', 'gus'), get_messages_for_user('ida')",
    "SELECT get_messages_for_user('ida') FROM set_skill_message_context('globex', 'ida')",
]


@pytest.mark.parametrize("call", API_CALLS)
@pytest.mark.parametrize("options", ["", "-c app.current_tenant_id=acme"], ids=["", "default"])
def test_a_user_of_a_generated_api_becomes_nobody_else(
    victim: Database, options: str, call: str
) -> None:
    with transaction(victim, "app_login", options=options) as attacker:
        answer = tried(attacker, ACME_BY_SET_CONFIG, ANN_BY_SET_CONFIG, call)
        assert answer.sqlstate == "SM005"
        assert HIDDEN not in answer.told + attacker.tries(READ).told


@pytest.mark.parametrize("call", [call for call in API_CALLS if "globex" in call])
def test_a_user_of_an_api_for_trusted_code_reaches_no_other_tenant(
    victim: Database, call: str
) -> None:
    with transaction(victim, "service_login") as attacker:
        answer = tried(attacker, ACME_BY_SET_CONFIG, call)
        assert answer.sqlstate == "SM005"
        assert "Secret of Globex" not in answer.told + attacker.tries(READ).told


TENANTS_THAT_ARE_CODE = [
    "acme'; SET LOCAL app.current_tenant_id = 'globex",
    "acme\\'; SET LOCAL app.current_tenant_id = 'globex'; --",
    'globex"',
    "globex ",
    "GLOBEX",
    "%",
    "acme,globex",
    "$$globex$$",
]


@pytest.mark.parametrize("strings", ["on", "off"])
@pytest.mark.parametrize("tenant", TENANTS_THAT_ARE_CODE)
def test_a_tenant_that_is_code_is_only_a_strange_name(
    victim: Database, tenant: str, strings: str
) -> None:
    with transaction(victim, "service_login") as attacker:
        attacker.tries(f"SET LOCAL standard_conforming_strings = {strings}")
        attacker.connection.execute("SELECT set_skill_message_context(%s, %s)", [tenant] * 2)
        for name in ("app.current_tenant_id", "app.current_user_id", "skill_messages.tenant_id"):
            setting = attacker.connection.execute("SELECT current_setting(%s)", [name])
            assert setting.fetchone() == (tenant,)
        assert attacker.tries(READ).told == "[]"


def test_a_context_that_is_too_long_is_refused(victim: Database) -> None:
    with transaction(victim, "service_login") as attacker:
        for arguments in ("repeat('é', 128)", "'acme', repeat('é', 128)"):
            answer = attacker.tries(f"SELECT set_skill_message_context({arguments})")
            assert answer.sqlstate == "22023"
        assert (
            tried(attacker, "SELECT set_skill_message_context(repeat('é', 127))").sqlstate is None
        )


def test_a_login_without_a_role_chooses_nothing(victim: Database) -> None:
    with transaction(victim, "nobody_login") as attacker:
        assert tried(attacker, ACME).sqlstate == "42501"


def test_the_client_raises_a_class_of_its_own(flavour: Flavour, database: Database) -> None:
    with flavour.connect(database.conninfo("app_login")) as connection:
        ann = flavour.client(connection, tenant_id="acme", user_id="ann")
        others = [("globex", "gus"), ("acme", "bob"), ("acme", None)]
        for tenant_id, user_id in others:
            assert ann.get_unread_count_for_user() == 0
            other = flavour.client(connection, tenant_id=tenant_id, user_id=user_id)
            with pytest.raises(ContextConflictError) as caught:
                other.get_unread_count_for_user()
            assert caught.value.sqlstate == "SM005"
            assert caught.value.hint
            connection.rollback()


def test_a_pooled_connection_has_no_context_afterwards(victim: Database) -> None:
    with ConnectionPool(
        victim.conninfo("service_login"), min_size=1, max_size=1, open=True
    ) as pool:
        with pool.connection() as connection:
            connection.execute(GLOBEX.encode())
            assert connection.execute("SELECT FROM skill_messages").rowcount > 1
        with pool.connection() as connection:
            assert connection.execute("SELECT FROM skill_messages").rowcount == 0
            with pytest.raises(psycopg.Error) as caught:
                connection.execute("SELECT get_message_stats()")
            assert caught.value.sqlstate == "SM001"
            connection.rollback()


def test_a_plan_that_was_made_as_service_shows_the_app_no_more(victim: Database) -> None:
    """One connection, a role a request: plans of the function and of PREPARE are kept."""
    with transaction(victim, "both_login") as attacker:
        tried(attacker, "PREPARE read AS SELECT message FROM skill_messages", ACME)
        for _ in range(7):
            attacker.tries("SET LOCAL ROLE skill_messages_service")
            assert HIDDEN in tried(attacker, "EXECUTE read").told
            assert HIDDEN in tried(attacker, "SELECT get_skill_message('a2')").told
            attacker.tries("SET LOCAL ROLE skill_messages_app")
            assert HIDDEN not in tried(attacker, "EXECUTE read").told
            assert tried(attacker, "SELECT get_skill_message('a2')").sqlstate == "SM002"
            attacker.tries("RESET ROLE")
            assert HIDDEN not in tried(attacker, "EXECUTE read").told
            assert tried(attacker, "SELECT get_skill_message('a2')").sqlstate == "SM002"
