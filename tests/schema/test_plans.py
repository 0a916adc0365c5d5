"""How the operations reach the rows: what each of their plans must use, at a size where it matters.

Plans, not times: auto_explain hands over every plan that a call runs, those inside the functions
and those of the foreign keys too. Each call is repeated until PL/pgSQL has settled on its plan.
"""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tools.server import Server

# 300,000 messages; one recipient and one sender have 30,000 each, all unread.
DATA = b"""
INSERT INTO tenants SELECT 't' || n, 'Tenant' FROM generate_series(0, 49) AS n;
INSERT INTO users SELECT 'u' || n, 't' || n % 50, 'User' FROM generate_series(0, 4999) AS n;
INSERT INTO skills SELECT 's' || n, 't' || n % 50, 'Skill' FROM generate_series(0, 9999) AS n;
SET session_replication_role = replica;
INSERT INTO skill_messages (
    id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message,
    status, created_at, read_at
)
SELECT
    'm' || n, 't' || tenant, 'u' || CASE WHEN n < 30000 THEN 50 ELSE sender * 50 + tenant END,
    'u' || CASE WHEN n BETWEEN 30000 AND 59999 THEN 0 ELSE recipient * 50 + tenant END,
    's' || subject * 50 + tenant, CASE WHEN n % 2 = 0 THEN 's' || parent * 50 + tenant END,
    'Shall we group them?', CASE WHEN n > 60000 AND n % 3 = 0 THEN 'accepted' ELSE 'pending' END,
    now() - n * interval '1 minute', CASE WHEN n > 60000 AND n % 2 = 0 THEN now() END
FROM (
    SELECT
        n, CASE WHEN n < 60000 THEN 0 ELSE n % 50 END AS tenant, n * 7 % 100 AS sender,
        n * 11 % 100 AS recipient, n * 13 % 200 AS subject, n * 17 % 200 AS parent
    FROM generate_series(0, 299999) AS n
) AS numbers;
SET session_replication_role = DEFAULT;
"""

EXPLAIN = """
ALTER DATABASE {0} SET session_preload_libraries = 'auto_explain';
ALTER DATABASE {0} SET auto_explain.log_min_duration = 0;
ALTER DATABASE {0} SET auto_explain.log_nested_statements = on;
ALTER DATABASE {0} SET auto_explain.log_format = 'json';
ALTER DATABASE {0} SET auto_explain.log_level = 'notice';
"""

INBOX = "SELECT * FROM get_messages_for_user"
SENT = "SELECT * FROM get_messages_from_user"
NAMED_INBOX = "SELECT * FROM get_named_messages_for_user"
NAMED_SENT = "SELECT * FROM get_named_messages_from_user"

# What is called, as which user of t0, and the scans of skill_messages in its plans.
OPERATIONS = {
    "large inbox": (f"{INBOX}('u0')", "u0", {"Index Scan skill_messages_to_user_idx"}),
    "large inbox, deep": (
        f"{INBOX}('u0', 50, now() - interval '40000 minutes', 'm')",
        "u0",
        {"Index Scan skill_messages_to_user_idx"},
    ),
    "small inbox": (f"{INBOX}('u100')", "u100", {"Index Scan skill_messages_to_user_idx"}),
    "empty inbox": (f"{INBOX}('u50', 1)", "u50", {"Index Scan skill_messages_to_user_idx"}),
    "large sent box": (f"{SENT}('u50')", "u50", {"Index Scan skill_messages_from_user_idx"}),
    "small sent box": (f"{SENT}('u100')", "u100", {"Index Scan skill_messages_from_user_idx"}),
    "large inbox, named": (
        f"{NAMED_INBOX}('u0')",
        "u0",
        {"Index Scan skill_messages_to_user_idx"},
    ),
    "large inbox, named, deep": (
        f"{NAMED_INBOX}('u0', 1000, now() - interval '40000 minutes', 'm')",
        "u0",
        {"Index Scan skill_messages_to_user_idx"},
    ),
    "small inbox, named": (
        f"{NAMED_INBOX}('u100')",
        "u100",
        {"Index Scan skill_messages_to_user_idx"},
    ),
    "large sent box, named": (
        f"{NAMED_SENT}('u50')",
        "u50",
        {"Index Scan skill_messages_from_user_idx"},
    ),
    "count of many": (
        "SELECT get_unread_count_for_user('u0')",
        "u0",
        {"Index Only Scan skill_messages_unread_idx"},
    ),
    "count of few": (
        "SELECT get_unread_count_for_user('u100')",
        "u100",
        {"Index Only Scan skill_messages_unread_idx"},
    ),
    "count up to 100": (
        "SELECT get_unread_count_for_user('u0', 100)",
        "u0",
        {"Index Only Scan skill_messages_unread_idx"},
    ),
    "one message": (
        "SELECT * FROM get_skill_message('m30001')",
        "u0",
        {"Index Scan skill_messages_pkey"},
    ),
    "mark read": (
        "SELECT mark_message_read('m30001')",
        "u0",
        {"Index Scan skill_messages_pkey"},
    ),
    "accept": (
        "SELECT FROM update_message_status('m30001', 'accepted')",
        "u0",
        {"Index Scan skill_messages_pkey"},
    ),
    "retry a send": (
        "SELECT send_skill_message('u50', 'u100', 's50', 'Again', id => 'again')"
        " FROM generate_series(1, 2)",
        "u50",
        {"Index Scan skill_messages_pkey"},
    ),
}

DELETES = {
    "skill": (
        "DELETE FROM skills WHERE id = 's50'",
        {"skill_messages_subject_skill_idx", "skill_messages_proposed_parent_skill_idx"},
    ),
    "user": (
        "DELETE FROM users WHERE id = 'lonely'",
        {"skill_messages_to_user_idx", "skill_messages_from_user_idx"},
    ),
    "tenant": ("DELETE FROM tenants WHERE id = 'lonely'", {"skill_messages_tenant_id_idx"}),
}


@pytest.fixture(scope="module")
def large(server: Server, template: str) -> Iterator[Database]:
    database = Database(server, "plans")
    server.create_database(database.name, template)
    with database.connect() as connection:
        connection.execute(DATA)
        connection.execute("VACUUM (ANALYZE) tenants, users, skills, skill_messages")
        connection.execute(EXPLAIN.format(database.name).encode())
    yield database
    server.drop_database(database.name)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def plans(
    connection: psycopg.Connection[Any], statement: str, user_id: str = "", tenant_id: str = "t0"
) -> list[dict[str, Any]]:
    """The nodes of all that the statement runs, ten times, each time undone."""
    explained: list[str] = []
    connection.add_notice_handler(lambda notice: explained.append(str(notice.message_primary)))
    for _ in range(10):
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT set_skill_message_context(%s, %s)", [tenant_id, user_id])
            connection.execute(statement.encode())
    documents = [json.loads(text.split("plan:\n", 1)[1]) for text in explained if "plan:\n" in text]
    return [node for document in documents for node in nodes(document["Plan"])]


def scans(found: list[dict[str, Any]]) -> set[str]:
    """Every way in which skill_messages was read, with its index."""
    return {
        f"{node['Node Type']} {node.get('Index Name', '')}".strip()
        for node in found
        if node["Node Type"].endswith("Scan")
        and (node.get("Relation Name") == "skill_messages" or "Index Name" in node)
        and node.get("Index Name", "skill_messages").startswith("skill_messages")
    }


def indexes(found: list[dict[str, Any]]) -> set[str]:
    """Every index of skill_messages that was used; 'Scan' if the table was read without one."""
    return {scan.split()[-1] for scan in scans(found) if scan != "Bitmap Heap Scan"}


@pytest.mark.parametrize("role", ["app_login", "service_login"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_uses_its_index(large: Database, role: str, operation: str) -> None:
    statement, user_id, expected = OPERATIONS[operation]
    with large.connect(role) as connection:
        found = plans(connection, statement, user_id)
    assert scans(found) == expected
    assert not [node for node in found if "Sort" in node["Node Type"]]


@pytest.mark.parametrize("role", ["app_login", "service_login"])
@pytest.mark.parametrize("page", ["large inbox, deep", "large inbox, named, deep"])
def test_a_deep_page_starts_where_the_last_one_ended(large: Database, role: str, page: str) -> None:
    """It looks up the position, rather than walk there and throw away what it passes."""
    statement, user_id, _ = OPERATIONS[page]
    with large.connect(role) as connection:
        found = plans(connection, statement, user_id)
    pages = [node for node in found if node.get("Index Name") == "skill_messages_to_user_idx"]
    assert pages
    assert all("created_at" in node["Index Cond"] for node in pages)


THESE = "(SELECT array_agg('m' || n) FROM generate_series(30001, {0}) AS n)"

# What locks or changes many messages: as whom, the statement, the user, the index that leads to
# them, and what else may: once they are locked, they are known by their keys.
MANY: dict[str, tuple[str, str, str, set[str], set[str]]] = {
    "read all, small inbox": (
        "app_login",
        "SELECT mark_messages_read('u100')",
        "u100",
        {"skill_messages_unread_idx"},
        {"skill_messages_pkey", "skill_messages_to_user_idx"},
    ),
    "read all, small inbox, as the service": (
        "service_login",
        "SELECT mark_messages_read('u100')",
        "",
        {"skill_messages_unread_idx"},
        {"skill_messages_pkey"},
    ),
    "read all, large inbox": (
        "app_login",
        "SELECT mark_messages_read('u0')",
        "u0",
        {"skill_messages_unread_idx"},
        {"skill_messages_pkey", "skill_messages_to_user_idx", "skill_messages_tenant_id_idx"},
    ),
    "read a screen of a large inbox": (
        "app_login",
        f"SELECT mark_messages_read('u0', message_ids => {THESE.format(30050)})",
        "u0",
        {"skill_messages_pkey"},
        set(),
    ),
    "read a screen of a large inbox, as the service": (
        "service_login",
        f"SELECT mark_messages_read('u0', message_ids => {THESE.format(30050)})",
        "",
        {"skill_messages_pkey"},
        set(),
    ),
    "read a thousand of a large inbox": (
        "app_login",
        f"SELECT mark_messages_read('u0', message_ids => {THESE.format(31000)})",
        "u0",
        {"skill_messages_pkey"},
        {"skill_messages_to_user_idx"},
    ),
    "erase a little": (
        "retention_login",
        "SELECT erase_user_messages('u100')",
        "",
        {"skill_messages_from_user_idx", "skill_messages_to_user_idx"},
        {"skill_messages_pkey", "skill_messages_tenant_id_idx"},
    ),
    "erase a lot": (
        "retention_login",
        "SELECT erase_user_messages('u0')",
        "",
        {"skill_messages_from_user_idx", "skill_messages_to_user_idx"},
        {"skill_messages_pkey", "skill_messages_tenant_id_idx"},
    ),
    "erase all": (
        "retention_login",
        "SELECT erase_user_messages('u100', keep_decided => false)",
        "",
        {"skill_messages_from_user_idx", "skill_messages_to_user_idx"},
        {"skill_messages_pkey", "skill_messages_tenant_id_idx"},
    ),
    "export": (
        "service_login",
        "SELECT export_user_messages('u0')",
        "",
        {"skill_messages_from_user_idx", "skill_messages_to_user_idx"},
        {"skill_messages_tenant_id_idx"},
    ),
}


@pytest.mark.parametrize("operation", MANY)
def test_an_operation_on_many_uses_indexes(large: Database, operation: str) -> None:
    role, statement, user_id, needed, allowed = MANY[operation]
    with large.connect(role) as connection:
        found = plans(connection, statement, user_id)
    assert needed <= indexes(found) <= needed | allowed


def test_a_purge_of_a_small_tenant_never_scans_the_table(large: Database) -> None:
    statement = """
        SELECT skill_messages_private.delete_skill_messages(
            't7', now() - interval '10 days', 100, false, false, {0})
    """
    for dry_run in ("true", "false"):
        with large.connect("retention_login") as connection:
            found = plans(connection, statement.format(dry_run), tenant_id="t7")
        # From 18 on, a skip scan may find the tenant's messages in other indexes too.
        assert indexes(found)
        assert "Scan" not in indexes(found)


# Whoever locks many rows does so in one order, the order of the table, and a batch stores them in
# the order of their ids, or two of them would wait for each other.
LOCKS = {
    "read all": ("service_login", "SELECT mark_messages_read('u100')", "LockRows", "m.ctid"),
    "read a screen": (
        "service_login",
        f"SELECT mark_messages_read('u0', message_ids => {THESE.format(30050)})",
        "LockRows",
        "m.ctid",
    ),
    "erase": ("retention_login", "SELECT erase_user_messages('u100')", "LockRows", "m.ctid"),
    "a batch": (
        "service_login",
        "SELECT send_skill_messages(jsonb_agg(jsonb_build_object('from_user_id', 'u50', "
        "'to_user_id', 'u100', 'subject_skill_id', 's50', 'message', 'Hello'))) "
        "FROM generate_series(1, 20)",
        "Insert",
        'e.id COLLATE "C"',
    ),
}


@pytest.mark.parametrize("operation", LOCKS)
def test_rows_are_locked_in_one_order(large: Database, operation: str) -> None:
    role, statement, step, key = LOCKS[operation]
    with large.connect(role) as connection:
        found = plans(connection, statement)
    orders = {
        tuple(key for below in nodes(node) for key in below.get("Sort Key", []))
        for node in found
        if node.get("Operation", node["Node Type"]) == step
        and any(below.get("Relation Name") == "skill_messages" for below in nodes(node))
    }
    assert orders == {(key,)}


@pytest.mark.parametrize("role", ["app_login", "service_login"])
@pytest.mark.parametrize(
    "operation",
    ["one message", "large inbox, named", "small inbox, named", "large sent box, named"],
)
def test_names_are_looked_up_by_their_keys(large: Database, role: str, operation: str) -> None:
    """Through the views of the package, under the policies of the tables behind them."""
    statement, user_id, _ = OPERATIONS[operation]
    with large.connect(role) as connection:
        found = plans(connection, statement, user_id)
    for relation in ("users", "skills"):
        ways = {
            (node["Node Type"], node.get("Index Name"))
            for node in found
            if node.get("Relation Name") == relation
        }
        assert ways == {("Index Scan", f"{relation}_pkey")}


def test_an_answer_writes_to_no_index(large: Database) -> None:
    """The page, full as it is, has room for the new version: a heap-only tuple."""
    with large.connect("app_login", autocommit=False) as connection:
        connection.execute("SELECT set_skill_message_context('t0', 'u0')")
        for number in range(30000, 31000, 100):
            connection.execute("SELECT update_message_status(%s, 'accepted')", [f"m{number}"])
        query = "SELECT pg_stat_get_xact_tuples_hot_updated('skill_messages'::regclass)"
        assert connection.execute(query).fetchone() == (10,)
        connection.rollback()


@pytest.mark.parametrize("deleted", DELETES)
def test_a_delete_next_door_never_scans_the_table(large: Database, deleted: str) -> None:
    statement, expected = DELETES[deleted]
    with large.connect() as superuser:
        superuser.execute("INSERT INTO tenants VALUES ('lonely', '') ON CONFLICT DO NOTHING")
        superuser.execute("INSERT INTO users VALUES ('lonely', 't0', '') ON CONFLICT DO NOTHING")
        found = plans(superuser, statement)
    assert indexes(found) == expected


def test_a_policy_with_an_or_is_noticed(large: Database) -> None:
    """The proof that the tests above can fail: the rewrite that looks harmless and is not."""
    with large.connect() as superuser:
        superuser.execute("""
            ALTER POLICY app_reads_own ON skill_messages USING (
                to_user_id = current_setting('app.current_user_id', true)
                OR from_user_id = current_setting('app.current_user_id', true)
            )
        """)
    statement, user_id, expected = OPERATIONS["small inbox"]
    with large.connect("app_login") as connection:
        found = plans(connection, statement, user_id)
    assert scans(found) != expected
    assert [node for node in found if "Sort" in node["Node Type"]]
