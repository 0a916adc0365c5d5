"""Privileges that nobody meant to give: by default, by a later GRANT, by a role that was there."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.attacks.conftest import Attacker, tampering, verify
from tests.conftest import Database
from tools.server import DEPLOYER, Server, sqitch

# Whoever ran this once opened everything that the deploying role makes ever after.
OPENED = f"""
ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} GRANT ALL ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} GRANT ALL ON SCHEMAS TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} GRANT ALL ON TABLES TO intruder WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} GRANT ALL ON FUNCTIONS TO intruder WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} GRANT ALL ON SCHEMAS TO intruder WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} IN SCHEMA public
GRANT ALL ON TABLES TO skill_messages_app, intruder WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} IN SCHEMA public
GRANT ALL ON FUNCTIONS TO PUBLIC, skill_messages_app, intruder;
"""

# Everybody who has anything on what the package made, the owner aside.
GRANTEES = """
SELECT DISTINCT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END
FROM (
    SELECT relowner, relacl FROM pg_class WHERE relnamespace IN ({schemas})
    UNION ALL
    SELECT c.relowner, a.attacl
    FROM pg_attribute AS a INNER JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace IN ({schemas})
    UNION ALL
    SELECT proowner, coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc WHERE pronamespace IN ({schemas})
    UNION ALL
    SELECT nspowner, nspacl FROM pg_namespace WHERE nspname = 'skill_messages_private'
) AS held (owner, acl)
CROSS JOIN aclexplode(held.acl) AS g
WHERE g.grantee <> held.owner
ORDER BY 1
""".replace("{schemas}", "'public'::regnamespace, 'skill_messages_private'::regnamespace")

INTRUSIONS = """
SELECT * FROM skill_messages
SELECT message FROM skill_messages
INSERT INTO skill_messages (id) VALUES ('x')
UPDATE skill_messages SET status = 'accepted'
DELETE FROM skill_messages
TRUNCATE skill_messages
LOCK TABLE skill_messages
TRUNCATE tenants CASCADE
DELETE FROM users
SELECT * FROM skills
SELECT * FROM skill_message_totals
SELECT * FROM skill_messages_private.user_names
SELECT skill_messages_private.acts_as_app()
CREATE FUNCTION skill_messages_private.preflight(text) RETURNS int RETURN 1
SELECT get_message_stats()
SELECT set_skill_message_context('acme')
CALL purge_skill_messages('0')
GRANT SELECT ON skill_messages TO PUBLIC
"""


@pytest.fixture
def intruder(fresh_server: Server) -> Iterator[str]:
    """A login without any role of ours, and one role of ours that is there with a member."""
    with psycopg.connect(fresh_server.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE ROLE intruder LOGIN; CREATE ROLE neighbour LOGIN")
        connection.execute("CREATE ROLE skill_messages_app ROLE neighbour")
        yield "intruder"
        connection.execute("DROP ROLE IF EXISTS intruder, neighbour, skill_messages_app")


def test_default_privileges_open_nothing(intruder: str, empty: Database) -> None:
    with empty.connect() as connection:
        connection.execute(OPENED.encode())

    done = sqitch("deploy", empty.target, "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert "role skill_messages_app exists already and is used as it is" in told
    assert "its members: neighbour" in told

    with empty.connect() as connection:
        assert [name for (name,) in connection.execute(GRANTEES.encode())] == [
            "pg_monitor",
            "skill_messages_app",
            "skill_messages_retention",
            "skill_messages_service",
        ]
        assert not connection.execute(
            "SELECT FROM pg_namespace AS n, aclexplode(n.nspacl) AS g"
            " WHERE n.nspname = 'skill_messages_private' AND g.grantee <> n.nspowner"
            " AND (g.privilege_type <> 'USAGE' OR g.is_grantable)"
        ).rowcount
    with (
        empty.connect(intruder) as connection,
        connection.transaction(force_rollback=True),
    ):
        attacker = Attacker(connection)
        for statement in INTRUSIONS.strip().splitlines():
            answer = attacker.tries(statement)
            assert answer.sqlstate == "42501", statement


# A later GRANT, and the change whose verify script notices.
GRANTS = {
    "SELECT ON skill_messages TO nobody_login": "isolation/tenant_isolation",
    "SELECT (message) ON skill_messages TO nobody_login": "isolation/tenant_isolation",
    "TRUNCATE ON skill_messages TO PUBLIC": "isolation/tenant_isolation",
    "REFERENCES ON skill_messages TO nobody_login": "isolation/tenant_isolation",
    "SELECT ON skill_messages TO app_login": "isolation/tenant_isolation",
    "DELETE ON skill_messages TO skill_messages_service": "isolation/tenant_isolation",
    "SELECT ON skill_messages TO skill_messages_service WITH GRANT OPTION": (
        "isolation/tenant_isolation"
    ),
    "INSERT (created_at) ON skill_messages TO skill_messages_app": "isolation/user_isolation",
    "SELECT (message) ON skill_messages TO skill_messages_retention": "isolation/retention_access",
    "SELECT ON skill_messages_private.user_names TO nobody_login": "tables/host_names",
    "SELECT ON skill_messages_private.user_names TO PUBLIC": "tables/host_names",
    "SELECT ON skill_message_totals TO nobody_login": "monitoring/skill_message_totals",
    "SELECT (sent) ON skill_message_totals TO PUBLIC": "monitoring/skill_message_totals",
    "EXECUTE ON FUNCTION send_skill_message TO nobody_login": "operations/send_skill_message",
    "EXECUTE ON FUNCTION send_skill_message TO PUBLIC": "operations/send_skill_message",
    "EXECUTE ON FUNCTION send_skill_message TO skill_messages_app WITH GRANT OPTION": (
        "operations/send_skill_message"
    ),
    "EXECUTE ON PROCEDURE purge_skill_messages TO skill_messages_app": (
        "retention/purge_skill_messages"
    ),
    "EXECUTE ON FUNCTION skill_messages_private.delete_skill_messages TO app_login": (
        "retention/delete_skill_messages"
    ),
    "EXECUTE ON FUNCTION skill_messages_private.preflight TO nobody_login": (
        "private/verify_function"
    ),
    "USAGE ON SCHEMA skill_messages_private TO nobody_login": "preflight",
    "USAGE ON SCHEMA skill_messages_private TO PUBLIC": "preflight",
    "CREATE ON SCHEMA skill_messages_private TO skill_messages_service": "preflight",
    "USAGE ON SCHEMA skill_messages_private TO skill_messages_app WITH GRANT OPTION": "preflight",
}


@pytest.mark.parametrize("change", sorted(set(GRANTS.values())))
def test_verify_succeeds_where_nothing_was_granted(victim: Database, change: str) -> None:
    with tampering(victim) as attacker:
        answer = verify(attacker, change)
        assert answer.sqlstate is None, answer.told


@pytest.mark.parametrize("grant", GRANTS)
def test_verify_fails_after_a_later_grant(victim: Database, grant: str) -> None:
    with tampering(victim, f"SET LOCAL ROLE {DEPLOYER}", f"GRANT {grant}") as attacker:
        answer = verify(attacker, GRANTS[grant])
    assert answer.sqlstate == "P0001", answer.told


# What a role must not be, or it acts for all tenants, or for whoever it is a member of.
ROLES = {
    "may log in": "ALTER ROLE skill_messages_app LOGIN",
    "is a superuser": "ALTER ROLE skill_messages_service SUPERUSER",
    "bypasses row-level security": "ALTER ROLE skill_messages_service BYPASSRLS",
    "creates roles": "ALTER ROLE skill_messages_retention CREATEROLE",
    "creates databases": "ALTER ROLE skill_messages_app CREATEDB",
    "replicates": "ALTER ROLE skill_messages_app REPLICATION",
    "reads all data": "GRANT pg_read_all_data TO skill_messages_app",
    "acts as a login": "GRANT nobody_login TO skill_messages_service",
    "is the service too": "GRANT skill_messages_service TO skill_messages_app",
    "is retention too": "GRANT skill_messages_retention TO skill_messages_service",
}


@pytest.mark.parametrize("what", ROLES)
def test_a_role_that_is_more_than_it_should_be_is_found(victim: Database, what: str) -> None:
    """By the function that deploy and verify call alike."""
    statement = ROLES[what]
    with tampering(victim, statement) as attacker:
        answer = attacker.tries("SELECT skill_messages_private.preflight()")
    assert answer.sqlstate == "55000"
    role = next(word for word in reversed(statement.split()) if word.startswith("skill_messages_"))
    assert f"The role {role} may log in, has a special attribute, or is a member" in answer.told


def test_deploy_refuses_a_role_that_is_more_than_it_should_be(empty: Database) -> None:
    with empty.connect() as connection:
        connection.execute("CREATE ROLE skill_messages_app REPLICATION")
        connection.execute("CREATE ROLE skill_messages_service ROLE pg_monitor")
        connection.execute("GRANT pg_read_all_data TO skill_messages_service")
        try:
            done = sqitch("deploy", empty.target)
        finally:
            connection.execute("DROP ROLE skill_messages_app, skill_messages_service")
    assert done.returncode != 0
    assert "The role skill_messages_app may log in" in done.stderr
    assert "The role skill_messages_service may log in" in done.stderr
