"""What docs/scaling.md says of moving tenants, run on a cluster: rows and walls move along."""

from collections.abc import Iterator

import pytest

from tests.citus.cluster import CitusDatabase, needs_citus
from tests.conftest import TENANTS
from tests.docs.test_blocks import blocks

pytestmark = needs_citus

SENT = """
    INSERT INTO skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)
    SELECT 'acme', 'ann', 'bob', 'sql', 'Hello' FROM generate_series(1, 20)
"""


@pytest.fixture
def cluster() -> Iterator[CitusDatabase]:
    cluster = CitusDatabase("scaling_page")
    cluster.create()
    cluster.deploy_base()
    cluster.distribute()
    yield cluster
    cluster.drop()


def node_of(cluster: CitusDatabase, tenant: str) -> tuple[int, int]:
    """The shard, and the port of its node."""
    query = """
        SELECT shardid, nodeport FROM pg_dist_shard_placement
        WHERE shardid = get_shard_id_for_distribution_column('skill_messages', %s::text)
    """
    with cluster.connect() as superuser:
        [row] = superuser.execute(query, [tenant])
    shard, port = row
    return shard, port


def test_tenants_move_as_the_page_says(cluster: CitusDatabase) -> None:

    with cluster.connect() as superuser:
        superuser.execute(TENANTS)
        superuser.execute(SENT)
    shard, port = node_of(cluster, "acme")
    [other] = [node for node in cluster.workers if node.port != port][:1]

    run = [block for block in blocks("docs/scaling.md") if block[1:3] == ("sql", "citus")]
    assert len(run) == 3
    with cluster.connect() as superuser:
        for block in run:
            text = block.text.replace("'worker-2', 5432", f"'{other.host}', {other.port}")
            for statement in text.rstrip().rstrip(";").split(";"):
                superuser.execute(statement.encode())

    moved, now = node_of(cluster, "acme")
    assert moved != shard
    assert now == other.port
    with cluster.connect("app_login") as connection:
        for user, unread in ("bob", 20), ("ann", 0), ("gus", 0):
            with connection.transaction():
                connection.execute("SELECT set_skill_message_context('acme', %s)", [user])
                query = "SELECT get_unread_count_for_user()"
                assert connection.execute(query).fetchone() == (unread,)
        with connection.transaction():
            connection.execute("SELECT set_skill_message_context('globex', 'bob')")
            assert connection.execute("SELECT id FROM skill_messages").fetchall() == []
    done = cluster.sqitch("verify")
    assert done.returncode == 0, done.stdout + done.stderr
