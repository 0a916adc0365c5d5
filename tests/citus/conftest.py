"""Databases on the cluster: fresh ones, and one for all tests that leave it as it is."""

from collections.abc import Iterator

import pytest
from typing_extensions import LiteralString

from tests.citus.cluster import CitusDatabase
from tests.conftest import TENANTS

MESSAGES: LiteralString = """
INSERT INTO tenants SELECT 't' || n, 'Tenant' FROM generate_series(1, 40) AS n;
INSERT INTO users SELECT u.id, 't' || n, 'User'
FROM generate_series(1, 40) AS n CROSS JOIN (VALUES ('ann'), ('bob')) AS u (id);
INSERT INTO skills SELECT 'sql', 't' || n, 'SQL' FROM generate_series(1, 40) AS n;
INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message, proposed_parent_skill_id)
SELECT 'm' || n, 'acme', 'ann', 'bob', 'sql', 'Number ' || n, 'postgres'
FROM generate_series(1, 20) AS n;
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
SELECT 'm1', 't' || n, 'ann', 'bob', 'sql', 'Of tenant ' || n FROM generate_series(1, 40) AS n;
UPDATE skill_messages SET read_at = now(), status = 'accepted' WHERE id = 'm2';
"""


@pytest.fixture
def base() -> Iterator[CitusDatabase]:
    """The base schema and nothing in it, not yet distributed."""
    database = CitusDatabase("citus_base")
    database.create()
    database.deploy_base()
    yield database
    database.drop()


@pytest.fixture
def filled(base: CitusDatabase) -> CitusDatabase:
    with base.connect() as superuser:
        superuser.execute(TENANTS + MESSAGES)
    return base


@pytest.fixture(scope="session")
def distributed() -> Iterator[CitusDatabase]:
    """Distributed with rows in it. A test undoes what it does."""
    database = CitusDatabase("citus_distributed")
    database.create()
    database.deploy_base()
    with database.connect() as superuser:
        superuser.execute(TENANTS + MESSAGES)
    database.distribute()
    yield database
    database.drop()
