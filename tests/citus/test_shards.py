"""Isolation on every shard, also after a shard has moved, and what a verify finds."""

# ruff: noqa: S608
# The names of the shards are in the queries.

from collections.abc import Iterator

import pytest

from skill_messages import SkillMessages
from tests.citus.cluster import LOGINS, CitusDatabase, needs_citus

pytestmark = needs_citus

OPENED = {
    "a policy that admits all": "CREATE POLICY open ON {} USING (true)",
    "no row-level security": "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
    "not forced": "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY",
    "a policy is gone": "DROP POLICY tenant_reads ON {}",
    "a policy is restrictive": "CREATE POLICY more ON {} AS RESTRICTIVE USING (true)",
    "a privilege more": "GRANT DELETE ON {} TO skill_messages_app",
    "a column more": "GRANT SELECT (message) ON {} TO skill_messages_retention",
    "a rule is off": "ALTER TABLE {} DISABLE TRIGGER USER",
}


@pytest.fixture
def shard(distributed: CitusDatabase) -> Iterator[str]:
    """One of many: the last. Afterwards it is as it was, since its move makes it anew."""
    name, node = distributed.shards()[-1]
    yield name
    other = next(each for each in distributed.workers if each != node)
    move(distributed, name, other.port)


def move(database: CitusDatabase, shard: str, port: int) -> None:
    """With the shards of the other tables beside it, to another worker."""
    with database.connect() as superuser:
        superuser.execute(
            """
            SELECT citus_move_shard_placement(
                s.shardid, s.nodename, s.nodeport::integer, w.nodename, w.nodeport, 'block_writes'
            )
            FROM citus_shards AS s
            INNER JOIN pg_dist_node AS w ON w.nodeport = %s
            WHERE s.shard_name = %s
            """,
            [port, shard],
        )
        superuser.execute("CALL citus_cleanup_orphaned_resources()")


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
def test_verify_finds_one_shard_that_was_opened(
    distributed: CitusDatabase, shard: str, opened: str
) -> None:
    node = dict(distributed.shards())[shard]
    node.execute(
        distributed.name,
        f"SET citus.enable_manual_changes_to_shards = on; {opened.format(shard)}",
    )
    done = distributed.sqitch("verify")
    assert done.returncode != 0
    assert "shards of public.skill_messages differ" in done.stderr
    assert shard in done.stderr


def test_moving_a_shard_keeps_isolation(distributed: CitusDatabase) -> None:
    for shard, node in distributed.shards()[:2]:
        other = next(each for each in distributed.workers if each != node)
        move(distributed, shard, other.port)
        assert dict(distributed.shards())[shard] == other
    assert distributed.sqitch("verify").returncode == 0
    assert_isolated(distributed)


def test_a_tenant_gets_a_shard_of_its_own(distributed: CitusDatabase) -> None:
    with distributed.connect() as superuser:
        superuser.execute(
            "SELECT isolate_tenant_to_new_shard('skill_messages', 'acme', 'CASCADE', "
            "shard_transfer_mode => 'block_writes')"
        )
        superuser.execute("CALL citus_cleanup_orphaned_resources()")
    alone = [
        shard
        for shard, node in distributed.shards()
        if node.execute(distributed.name, f"SELECT DISTINCT tenant_id FROM {shard}") == [("acme",)]
    ]
    assert len(alone) == 1
    done = distributed.sqitch("verify")
    assert done.returncode == 0, done.stderr
    assert_isolated(distributed)


def assert_isolated(database: CitusDatabase) -> None:
    """Each tenant sees its own messages and no others; without a context nobody sees any."""
    with database.connect() as superuser:
        stored = superuser.execute("SELECT tenant_id, id FROM skill_messages").fetchall()
    for tenant in "acme", "t1", "t40", "globex":
        with database.connect("app_login") as connection:
            bob = SkillMessages(connection, tenant_id=tenant, user_id="bob")
            received = {(message.tenant_id, message.id) for message in bob.get_messages_for_user()}
            assert received == {each for each in stored if each[0] == tenant}
            ann = SkillMessages(connection, tenant_id=tenant, user_id="ann")
            assert not ann.get_messages_for_user()
    for login in LOGINS:
        with database.connect(login) as connection:
            assert not connection.execute("SELECT id FROM skill_messages").fetchall()


def test_no_shard_shows_anything_to_a_login_on_its_worker(distributed: CitusDatabase) -> None:
    for shard, node in distributed.shards():
        for login in LOGINS:
            query = f"SET ROLE {login}; SELECT id FROM {shard}"
            assert not node.execute(distributed.name, query), (shard, login)
