"""Verify tells the truth: silent after a restore, on whatever server, and loud about what is wrong.

What weakens the schema is in test_mutations, where the tests of the host must notice it as well.
Here is what only verify can see, since it takes a superuser, or nothing in this database changed.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import LiteralString

from tests.conftest import Database, dump
from tests.schema.test_mutations import unverified
from tools.server import DEPLOYER, ROOT, Server, deploy, sqitch

MESSAGES: LiteralString = """
INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)
VALUES ('m1', 'acme', 'ann', 'bob', 'sql', 'Hello'), ('m2', 'acme', 'ann', 'bob', 'sql', 'Hello'),
    ('m3', 'acme', 'bob', 'ann', 'postgres', 'Hello');
UPDATE skill_messages SET status = 'accepted', read_at = now() WHERE id = 'm1';
"""

# Of each version: of the system, or where `make test-matrix` keeps them.
SERVERS = {
    int(path.parts[-3]): path.parent
    for path in (
        *Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        *ROOT.glob(".venv/servers/*/bin/postgres"),
    )
}


@pytest.fixture
def filled(database: Database) -> Database:
    """With messages, decided ones among them, and notifications on."""
    with database.connect() as connection:
        connection.execute(MESSAGES)
        connection.execute("SELECT switch_skill_message_notifications(true)")
        # Other servers may not have pgTAP.
        connection.execute("DROP SCHEMA tap CASCADE")
    return database


@pytest.fixture
def target(filled: Database) -> Iterator[Database]:
    """Where to restore."""
    target = Database(filled.server, f"{filled.name}_restored")
    filled.server.create_database(target.name)
    yield target
    filled.server.drop_database(target.name)


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def restore(source: Database, target: Database, *options: str, programs: Path = Path()) -> None:
    """By the pg_dump of the one server and the pg_restore of the other.

    A pg_dump of an older release than the server, even a minor one, may write what none can read.
    """
    file = Path(target.server.base_dir, f"{target.name}.dump")
    run("pg_dump", "-Fc", "-f", file, source.conninfo())
    run(programs / "pg_restore", *options, "-d", target.conninfo(), file)


def verified(database: Database) -> None:
    done = sqitch("verify", database.target)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_restored_is_verified(filled: Database, target: Database) -> None:
    restore(filled, target)
    assert dump(target) == dump(filled)
    verified(target)


def test_the_schema_alone_is_verified(filled: Database, target: Database) -> None:
    """Without the rows of Sqitch, which then knows of no change."""
    restore(filled, target, "--schema-only")
    assert unverified(target) == []


def test_what_disabled_triggers_let_in_is_verified(filled: Database, target: Database) -> None:
    """As a data-only restore is done. It switches on each trigger that it finds."""
    with filled.connect() as connection:
        connection.execute("SELECT switch_skill_message_notifications(false)")
    restore(filled, target, "--schema-only")
    restore(filled, target, "--data-only", "--disable-triggers")
    assert dump(target) == dump(filled)
    verified(target)


@pytest.mark.parametrize("version", [16, 17, 18])
def test_a_newer_server_is_verified(filled: Database, version: int) -> None:
    if version not in SERVERS:
        pytest.skip("a newer server is not here: make test-matrix brings it")
    with filled.connect() as connection:
        if connection.info.server_version // 10000 > version:
            pytest.skip("the server that is tested is newer")
    programs = SERVERS[version]
    with Server(initdb=str(programs / "initdb"), postgres=str(programs / "postgres")) as server:
        roles = run(programs / "pg_dumpall", "--roles-only", "-d", filled.conninfo("postgres"))
        # It makes those too that every server has.
        subprocess.run(
            [programs / "psql", "-Xq", server.conninfo()], input=roles, text=True, check=False
        )
        target = Database(server, filled.name)
        server.create_database(target.name)
        restore(filled, target, programs=programs)
        verified(target)


def test_a_restore_without_privileges_is_noticed(filled: Database, target: Database) -> None:
    restore(filled, target, "--no-privileges")
    assert {"roles", "isolation/tenant_isolation"} <= set(unverified(target))


def test_default_privileges_of_where_it_is_restored_are_noticed(
    filled: Database, target: Database
) -> None:
    """What a superuser makes and gives away has what this superuser gives to others by default."""
    with target.connect() as connection:
        for objects in ("SCHEMAS", "TABLES", "ROUTINES"):
            connection.execute(
                f"ALTER DEFAULT PRIVILEGES GRANT ALL ON {objects} TO app_login".encode()
            )
    restore(filled, target)
    assert {"preflight", "isolation/tenant_isolation"} <= set(unverified(target))


KEYS = ["tables/foreign_keys"]
SWITCH = ["operations/notifications"]

BROKEN: dict[LiteralString, list[str]] = {
    # A foreign key is kept by triggers, which pg_restore or a hurried import may disable.
    "ALTER TABLE skill_messages DISABLE TRIGGER ALL": [
        "tables/foreign_keys",
        "rules/message_life",
        "rules/message_times",
        "operations/notifications",
    ],
    "ALTER TABLE tenants DISABLE TRIGGER ALL": KEYS,
    "ALTER TABLE users DISABLE TRIGGER ALL": KEYS,
    "ALTER TABLE skills DISABLE TRIGGER ALL": KEYS,
    """
    DO $$
    BEGIN
        EXECUTE (
            SELECT format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', tgrelid::regclass, tgname)
            FROM pg_trigger
            WHERE tgrelid = 'skill_messages'::regclass AND tgisinternal
            LIMIT 1
        );
    END;
    $$
    """: KEYS,
    "DELETE FROM pg_trigger WHERE tgrelid = 'skills'::regclass AND tgisinternal"
    " AND tgfoid = '\"RI_FKey_cascade_del\"'::regproc": KEYS,
    "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_tenant_id_fkey": KEYS,
    """
    ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_tenant_id_fkey,
    ADD CONSTRAINT skill_messages_tenant_id_fkey
    FOREIGN KEY (tenant_id) REFERENCES tenants NOT VALID
    """: KEYS,
    # Triggers that fire for replication only, or for it too.
    "ALTER TABLE skill_messages ENABLE REPLICA TRIGGER born_pending_and_unread": [
        "rules/message_life"
    ],
    "ALTER TABLE skill_messages ENABLE ALWAYS TRIGGER times_of_life": ["rules/message_times"],
    # Notifications: half on, not as the switch makes them.
    "ALTER TABLE skill_messages DISABLE TRIGGER notify_sent": SWITCH,
    "DROP TRIGGER notify_decided ON skill_messages": SWITCH,
    """
    CREATE OR REPLACE TRIGGER notify_sent AFTER INSERT ON skill_messages FOR EACH ROW
    EXECUTE FUNCTION skill_messages_private.notify_skill_message('skill_message_decided')
    """: SWITCH,
    # A policy that binds fewer roles, or other commands.
    "ALTER POLICY tenant_isolation ON skill_messages TO skill_messages_app": [
        "isolation/tenant_isolation"
    ],
    "ALTER POLICY app_reads_own ON skill_messages TO skill_messages_service": [
        "isolation/user_isolation"
    ],
}


@pytest.mark.parametrize("defect", BROKEN)
def test_what_is_broken_is_noticed(filled: Database, defect: LiteralString) -> None:
    with filled.connect() as connection:
        connection.execute("SET allow_system_table_mods = on")
        connection.execute(defect)
    assert unverified(filled) == BROKEN[defect]


PARTITIONED: LiteralString = """
ALTER TABLE users RENAME TO old_users;
CREATE TABLE users (
    id text, tenant_id text NOT NULL REFERENCES tenants, name text, PRIMARY KEY (tenant_id, id)
) PARTITION BY LIST (tenant_id);
CREATE TABLE users_of_t1 PARTITION OF users FOR VALUES IN ('t1');
CREATE TABLE users_of_others PARTITION OF users DEFAULT PARTITION BY HASH (id);
CREATE TABLE users_even PARTITION OF users_of_others FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE users_odd PARTITION OF users_of_others FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO users SELECT * FROM old_users;
DROP TABLE old_users
"""


def test_the_partitions_of_a_host_keep_its_keys(host: Database) -> None:
    with host.connect(DEPLOYER) as connection:
        connection.execute(PARTITIONED)
    deploy(host.target)
    verified(host)
    with host.connect(DEPLOYER) as connection:
        connection.execute("CREATE TABLE users_of_t9 PARTITION OF users FOR VALUES IN ('t9')")
    verified(host)
    with host.connect() as connection:
        for partition in ("users_of_t1", "users_of_t9", "users_odd"):
            connection.execute(f"ALTER TABLE {partition} DISABLE TRIGGER ALL".encode())
            assert unverified(host) == KEYS
            connection.execute(f"ALTER TABLE {partition} ENABLE TRIGGER ALL".encode())
    assert unverified(host) == []
