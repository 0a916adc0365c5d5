"""Context and call in one statement: where it is safe, and where it silently is not.

PostgreSQL may read the tables of a FROM in any order. One that comes before
set_skill_message_context() is read without a context: under row-level security it is empty.
"""

import psycopg
import pytest

from tests.conftest import Database

ANN = "set_skill_message_context('acme', 'ann')"
SEND = "SELECT send_skill_message('ann', 'bob', 'sql', 'Hello', id => 'm1')"
SEND_BY_NAME = "SELECT send_skill_message('ann', u.id, 'sql', 'Hello', id => 'm1') FROM users AS u"
SEND_BY_SUBQUERY = (
    "SELECT send_skill_message('ann', (SELECT u.id FROM users AS u WHERE u.name = 'Bob'), 'sql',"
    " 'Hello', id => 'm1')"
)
BOB = "u.name = 'Bob'"
UNREAD = "SELECT unread FROM get_unread_count_for_user('ann') AS unread"

# The outer side of a LEFT JOIN is read first; with a comma it depends on the plan.
TRAPS = {
    "a table is read first": f"{SEND_BY_NAME} LEFT JOIN {ANN} ON true WHERE {BOB}",
    "WHERE is asked first": f"{SEND} FROM {ANN} WHERE EXISTS (SELECT FROM users AS u WHERE {BOB})",
}
SAFE = {
    "statements of one transaction": f"BEGIN; SELECT {ANN}; {SEND_BY_NAME} WHERE {BOB}; COMMIT",
    "two statements in one simple query": f"SELECT {ANN}; {SEND_BY_NAME} WHERE {BOB}",
    "alone in the FROM": f"{SEND} FROM {ANN}",
    "alone in the FROM, a subquery in the list": f"{SEND_BY_SUBQUERY} FROM {ANN}",
}


def sent(database: Database, login: str, query: str) -> int:
    """How many messages are there after it was sent as one simple query."""
    with database.connect(login) as connection:
        connection.execute(query.encode())
    with database.connect() as superuser:
        return superuser.execute("SELECT FROM skill_messages WHERE id = 'm1'").rowcount


@pytest.mark.parametrize("login", ["app_login", "service_login"])
@pytest.mark.parametrize("form", SAFE)
def test_the_context_is_set_first(database: Database, login: str, form: str) -> None:
    assert sent(database, login, SAFE[form]) == 1


@pytest.mark.parametrize("form", TRAPS)
def test_what_is_read_before_the_context_is_silently_empty(database: Database, form: str) -> None:
    assert sent(database, "app_login", TRAPS[form]) == 0


def test_a_function_that_is_called_before_the_context_says_so(database: Database) -> None:
    with pytest.raises(psycopg.Error) as caught:
        sent(database, "app_login", f"{UNREAD} LEFT JOIN {ANN} ON true")
    assert caught.value.sqlstate == "SM001"
