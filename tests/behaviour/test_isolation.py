"""Every actor, in every tenant, by every function and every statement: as the model says.

Each cell is a transaction of its own, in a session of the login, undone in the end.
"""

import psycopg
import pytest
from typing_extensions import LiteralString

from tests.behaviour import model
from tests.behaviour.conftest import EMPTY, Target
from tests.behaviour.model import ACTORS, COMMANDS, FUNCTIONS, TENANTS, Actor

# An outsider may not call the function, which takes no tenant that is none: test_errors.py.
CELLS = [(name, tenant, "SET LOCAL") for name in ACTORS for tenant in TENANTS]
CELLS += [
    (name, tenant, "function")
    for name, tenant, _ in CELLS
    if name != "outsider" and tenant != "none"
]

SEND: LiteralString = """
    INSERT INTO skill_messages
        (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
    VALUES (%s, %s, %s, %s, %s, 'Hello')
"""
DECIDE: LiteralString = """
    UPDATE skill_messages SET status = 'declined', read_at = now() WHERE tenant_id = %s AND id = %s
"""


def fill(database: Target) -> None:
    with database.connect() as superuser:
        superuser.execute(EMPTY)
        for tenant, users in model.USERS.items():
            superuser.execute("INSERT INTO tenants VALUES (%s, 'Tenant')", [tenant])
            for table, ids in (("users", users), ("skills", model.SKILLS[tenant])):
                for id_ in ids:
                    query = f"INSERT INTO {table} VALUES (%s, %s, initcap(%s))"  # noqa: S608
                    superuser.execute(query.encode(), [id_, tenant, id_])
        for m in model.MESSAGES:
            skill = model.SKILLS[m.tenant][0]
            superuser.execute(SEND, [m.id, m.tenant, m.sender, m.recipient, skill])
            if m.decided:
                superuser.execute(DECIDE, [m.tenant, m.id])


@pytest.fixture(scope="module")
def filled(target: Target) -> Target:
    fill(target)
    return target


def outcome(connection: psycopg.Connection[tuple[object, ...]], statement: LiteralString) -> str:
    """What it gives, how many rows it changes, or its SQLSTATE."""
    try:
        done = connection.execute(statement)
    except psycopg.Error as error:
        return str(error.sqlstate)
    if done.description is None:
        return model.rows(done.rowcount)
    return model.listed(str(row[0]) for row in done)


def context(actor: Actor, tenant: str, way: str) -> list[str]:
    if way == "function":
        return [f"SELECT set_skill_message_context('{tenant}', '{actor.user}')"]
    settings = {"tenant": tenant, "user": actor.user}
    return [f"SET LOCAL app.current_{k}_id = '{v}'" for k, v in settings.items() if v]


def outcomes(database: Target, actor: Actor, tenant: str, way: str) -> dict[str, str]:
    got = {}
    with database.connect(actor.login) as connection:
        for statement in FUNCTIONS | COMMANDS:
            with connection.transaction(force_rollback=True):
                for setting in context(actor, tenant, way):
                    connection.execute(setting.encode())
                got[statement] = outcome(connection, statement)
    return got


def expected(actor: Actor, tenant: str) -> dict[str, str]:
    return {call: result(actor, tenant) for call, result in (FUNCTIONS | COMMANDS).items()}


@pytest.mark.parametrize(("name", "tenant", "way"), CELLS)
def test_every_cell_is_as_the_model_says(filled: Target, name: str, tenant: str, way: str) -> None:
    actor, tenant_id = ACTORS[name], TENANTS[tenant]
    assert outcomes(filled, actor, tenant_id, way) == expected(actor, tenant_id)


@pytest.mark.parametrize("tenant", ["acme", "globex", "nowhere"])
@pytest.mark.parametrize("name", ACTORS)
def test_every_purge_is_as_the_model_says(filled: Target, name: str, tenant: str) -> None:
    """It commits, and so stands in no transaction: a dry run."""
    call = f"CALL purge_skill_messages('0', tenant_id => '{tenant}', dry_run => true)"
    with filled.connect(ACTORS[name].login) as connection:
        assert outcome(connection, call.encode()) == model.purged(ACTORS[name], tenant)  # type: ignore[arg-type]
