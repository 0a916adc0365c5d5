"""A database for a campaign."""

from tests.conftest import LOGIN_ROLES, Database
from tools.server import DEPLOYER, ROOT, Server


def ready(server: Server, name: str) -> Database:
    """The schema, from the one file, and the login roles."""
    database = Database(server, name)
    server.create_database(name)
    with database.connect(DEPLOYER) as owner:
        owner.execute((ROOT / "sql/skill_messages.sql").read_bytes())
    with database.connect() as superuser:
        superuser.execute(LOGIN_ROLES)
    return database
