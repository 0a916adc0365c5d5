"""What is refused: SQLSTATE, constraint, message and hint, whichever node found it."""

# ruff: noqa: S608
# These statements are wrong on purpose.

from typing import Any

import psycopg
import pytest

from tests.behaviour.conftest import Target

SEND = "SELECT send_skill_message('ann', {}, {}, {})"
BATCH = (
    """SELECT send_skill_messages('[{{"from_user_id": "ann", "to_user_id": "bob","""
    """ "subject_skill_id": "sql", "message": "Hi"}}, {{"from_user_id": "ann","""
    """ "to_user_id": "{}", "subject_skill_id": "sql", "message": "{}"}}]')"""
)
INSERT = (
    "INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,"
    " message, {}) VALUES ('new', 'acme', 'ann', 'bob', 'sql', 'Hello', {})"
)
# Nothing that an index compresses to a length that it takes.
LONG = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) AS n)"
TAKEN = "send_skill_message('ann', 'bob', 'sql', 'Hello', id => 'taken')"

# As the service of acme: the statement, and SQLSTATE, constraint and message of its error.
ERRORS = [
    (SEND.format("'gus'", "'sql'", "'Hi'"), "23503", "to_user_id_fkey", "unknown to_user_id"),
    (
        "SELECT send_skill_message('gus', 'bob', 'sql', 'Hi')",
        "23503",
        "from_user_id_fkey",
        "unknown from_user_id",
    ),
    (
        SEND.format("'bob'", "'welding'", "'Hi'"),
        "23503",
        "subject_skill_id_fkey",
        "unknown subject_skill_id",
    ),
    (
        SEND.format("'bob'", "'sql'", "'Hi', 'welding'"),
        "23503",
        "proposed_parent_skill_id_fkey",
        "unknown proposed_parent_skill_id",
    ),
    (SEND.format("'bob'", "'sql'", "' '"), "23514", "message_check", "invalid message"),
    (SEND.format("'bob'", "'sql'", "NULL"), "23514", "message_check", "invalid message"),
    (SEND.format("'bob'", "'sql'", "'[erased]'"), "23514", None, "invalid message"),
    (SEND.format("''", "'sql'", "'Hi'"), "23514", "to_user_id_check", "invalid to_user_id"),
    (SEND.format("'bob'", "'sql'", "'Hi', id => ''"), "23514", "id_check", "invalid id"),
    (SEND.format("NULL", "'sql'", "'Hi'"), "22023", None, "to_user_id is null"),
    (SEND.format("'bob'", "NULL", "'Hi'"), "22023", None, "subject_skill_id is null"),
    (SEND.format(LONG, "'sql'", "'Hi'"), "22023", None, "to_user_id is too long for an index"),
    (BATCH.format("gus", "Hi"), "23503", "to_user_id_fkey", "message 2: unknown to_user_id"),
    (BATCH.format("bob", " "), "23514", "message_check", "message 2: invalid message"),
    (
        f"SELECT {TAKEN}, {TAKEN.replace('Hello', 'Else')}",
        "SM004",
        None,
        'id "taken" is taken by a different message',
    ),
    ("SELECT mark_message_read('absent')", "SM002", None, 'message_id "absent": no such message'),
    (
        f"SELECT s.id FROM {TAKEN} AS t, update_message_status(t, 'declined') AS d,"
        " update_message_status(d.id, 'accepted') AS s",
        "SM003",
        None,
        'message_id "taken": already accepted or declined',
    ),
    (
        "SELECT update_message_status('absent', 'read')",
        "23514",
        None,
        'status "read" is not a decision',
    ),
    ("SELECT get_messages_for_user('ann', 0)", "22023", None, "max_messages is 0"),
    (
        "SELECT set_skill_message_context('globex')",
        "SM005",
        None,
        "tenant_id: this transaction or session acts for another tenant",
    ),
]


def error_of(connection: psycopg.Connection[Any], *statements: str) -> psycopg.Error:
    with connection.transaction(force_rollback=True):
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        with pytest.raises(psycopg.Error) as raised:
            connection.execute(statements[-1].encode())
    return raised.value


ACME = "SELECT set_skill_message_context('acme')"


@pytest.mark.parametrize(("statement", "sqlstate", "constraint", "message"), ERRORS)
def test_an_error_says_what_is_wrong_and_what_to_do(
    database: Target, statement: str, sqlstate: str, constraint: str | None, message: str
) -> None:
    with database.connect("service_login") as connection:
        error = error_of(connection, ACME, statement)
    assert (error.sqlstate, error.diag.message_primary) == (sqlstate, message)
    assert error.diag.constraint_name == (constraint and f"skill_messages_{constraint}")
    assert error.diag.message_hint


@pytest.mark.parametrize(
    ("column", "value", "sqlstate", "message"),
    [
        ("status", "'read'", "23514", "a new message is pending and unread"),
        ("proposed_parent_skill_id", "'welding'", "23503", "skill_messages_proposed_parent_"),
        ("created_at", "'1969-01-01'", "23514", "skill_messages_created_at_check"),
    ],
)
def test_a_statement_is_refused_by_the_table(
    database: Target, column: str, value: str, sqlstate: str, message: str
) -> None:
    """On a cluster the text alone names the constraint, perhaps with the number of a shard."""
    with database.connect("service_login") as connection:
        error = error_of(connection, ACME, INSERT.format(column, value))
    assert error.sqlstate == sqlstate
    assert message in str(error)


@pytest.mark.parametrize(
    ("login", "statements", "sqlstate", "hint"),
    [
        ("service_login", ["SELECT get_message_stats()"], "SM001", "set_skill_message_context()"),
        ("service_login", ["SELECT set_skill_message_context('')"], "SM001", "the tenant"),
        ("app_login", [ACME, "SELECT get_message_stats()"], "SM001", "the signed-in user"),
        (
            "deployer",
            [ACME, "SELECT get_messages_for_user('ann')"],
            "42501",
            "GRANT skill_messages",
        ),
        ("nobody_login", [ACME], "42501", ""),
        (
            "service_login",
            ["SET TRANSACTION READ ONLY", ACME, f"SELECT {TAKEN}"],
            "25006",
            "READ WRITE",
        ),
    ],
)
def test_who_may_not_is_told_why(
    database: Target, login: str, statements: list[str], sqlstate: str, hint: str
) -> None:
    with database.connect(login) as connection:
        error = error_of(connection, *statements)
    assert error.sqlstate == sqlstate
    assert hint in (error.diag.message_hint or "")
