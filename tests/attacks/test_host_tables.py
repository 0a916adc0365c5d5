"""tenants, users and skills, where the package made them."""

# ruff: noqa: S608
# These statements are attacks, put together on purpose.

import pytest

from tests.attacks.conftest import acting, tampering, verify
from tests.conftest import Database
from tools.server import DEPLOYER

FIRST_ROWS = [
    "INSERT INTO tenants VALUES ('new', 'New')",
    "INSERT INTO users VALUES ('nia', 'new', 'Nia'), ('noe', 'new', 'Noe')",
    "INSERT INTO skills VALUES ('knots', 'new', 'Knots')",
    "SELECT send_skill_message('nia', 'noe', 'knots', 'Hello')",
]


def test_the_deploying_owner_makes_the_first_tenant(victim: Database) -> None:
    """No superuser: it needs the context, and the rights of the service."""
    context = "SELECT set_skill_message_context('new')"
    with tampering(victim) as attacker:
        attacker.connection.execute(context.encode())
        assert attacker.tries(FIRST_ROWS[0]).sqlstate == "42501"

        version = attacker.connection.info.server_version
        attacker.connection.execute("RESET ROLE")
        grant = f"GRANT skill_messages_service TO {DEPLOYER}"
        grant += " WITH INHERIT TRUE" if version >= 160000 else ""
        attacker.connection.execute(grant.encode())
        attacker.connection.execute(f"SET LOCAL ROLE {DEPLOYER}".encode())
        for statement in FIRST_ROWS:
            assert attacker.tries(statement).sqlstate is None


@pytest.mark.parametrize("actor", ["service", "both", "owner and service"])
def test_trusted_code_makes_its_own_tenant(victim: Database, actor: str) -> None:
    with acting(victim, actor, tenant="new") as attacker:
        for statement in FIRST_ROWS[:3]:
            assert attacker.tries(statement).sqlstate is None


# What of another tenant, or of none, cannot be made or changed, with the context of acme.
TAMPERINGS = {
    "a tenant": "INSERT INTO tenants VALUES ('new', 'New')",
    "a user": "INSERT INTO users VALUES ('new', 'globex', 'New')",
    "a skill": "INSERT INTO skills VALUES ('new', 'globex', 'New')",
    "a user moved there": "UPDATE users SET tenant_id = 'globex' WHERE id = 'cy'",
    "a skill moved there": "UPDATE skills SET tenant_id = 'globex' WHERE id = 'postgres'",
}


@pytest.mark.parametrize("what", TAMPERINGS)
@pytest.mark.parametrize("actor", ["service", "app", "both", "owner and service", "nobody"])
def test_making_something_in_another_tenant(victim: Database, actor: str, what: str) -> None:
    with acting(victim, actor) as attacker:
        # Citus refuses to move any row to another tenant.
        assert attacker.tries(TAMPERINGS[what]).sqlstate in ("42501", "0A000")


@pytest.mark.parametrize("actor", ["app", "retention", "nobody", "owner"])
def test_making_a_tenant_without_being_the_service(victim: Database, actor: str) -> None:
    with acting(victim, actor, tenant="new") as attacker:
        assert attacker.tries(FIRST_ROWS[0]).sqlstate == "42501"


@pytest.mark.parametrize("table", ["users", "skills"])
@pytest.mark.parametrize("actor", ["service", "owner and service"])
def test_changing_what_is_another_tenants(victim: Database, actor: str, table: str) -> None:
    with acting(victim, actor) as attacker:
        for change in ("UPDATE {} SET name = 'Mine'", "DELETE FROM {}"):
            statement = change.format(table) + " WHERE tenant_id = 'globex' RETURNING id"
            assert attacker.tries(statement).told == "[]"


# No context is the empty string on a connection that once had one.
EMPTY = {
    "a tenant": "INSERT INTO tenants VALUES ('', 'Empty')",
    "a user of no tenant": "INSERT INTO users VALUES ('new', '', 'Empty')",
    "a skill of no tenant": "INSERT INTO skills VALUES ('new', '', 'Empty')",
}


@pytest.mark.parametrize("what", EMPTY)
def test_making_what_no_context_would_show(victim: Database, what: str) -> None:
    with acting(victim, "service", tenant="") as attacker:
        assert attacker.tries(EMPTY[what]).sqlstate == "23514"


@pytest.mark.parametrize("table", ["users", "skills"])
def test_making_a_user_or_skill_without_an_id(victim: Database, table: str) -> None:
    with acting(victim, "service") as attacker:
        insert = f"INSERT INTO {table} VALUES ('', 'acme', 'Empty')"
        assert attacker.tries(insert).sqlstate == "23514"


WEAKENINGS = {
    "another door": "CREATE POLICY door ON {} USING (true)",
    "another door to one": "CREATE POLICY door ON {} FOR SELECT TO skill_messages_app USING (true)",
    "a trigger": (
        "CREATE TRIGGER spy BEFORE UPDATE ON {}"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "a rule": "CREATE RULE spy AS ON UPDATE TO {} DO ALSO NOTHING",
    "no wall": "DROP POLICY tenant_isolation ON {}",
    "a wall with a hole": "ALTER POLICY tenant_isolation ON {} USING (true)",
    "a wall for some": "ALTER POLICY tenant_isolation ON {} TO skill_messages_app",
    "a wider door": "ALTER POLICY tenant_access ON {} TO PUBLIC",
    "not forced": "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY",
    "switched off": "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
    "empty ids": "ALTER TABLE {} DROP CONSTRAINT {}_id_check",
}


@pytest.mark.parametrize("table", ["tenants", "users", "skills"])
@pytest.mark.parametrize("weakening", WEAKENINGS)
def test_a_weaker_table_fails_verify(victim: Database, weakening: str, table: str) -> None:
    change = WEAKENINGS[weakening].format(table, table)
    with tampering(victim, change) as attacker:
        assert verify(attacker, "tables/host_tables").sqlstate == "P0001"


def test_the_tables_as_they_are_do_not_fail_verify(victim: Database) -> None:
    with tampering(victim) as attacker:
        assert verify(attacker, "tables/host_tables").sqlstate is None
