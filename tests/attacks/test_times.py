"""Times that no client can hold."""

from datetime import datetime, timedelta, timezone

import pytest
from psycopg.errors import CheckViolation

from skill_messages import SkillMessages
from tests.conftest import Database

# A time that is ahead is moved back to the clock; one before 1970 is refused.
AHEAD = [
    "infinity",
    "294276-12-31 23:59:59.999999+00",
    "10000-01-01",
    "9999-12-31 23:59:59.9999-15",
]
LONG_AGO = ["-infinity", "4713-01-01 BC", "0001-01-01 BC", "0001-01-01", "1969-12-31 23:59:59.9+00"]
INSERT = """
INSERT INTO skill_messages
    (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message, created_at)
VALUES ('new', 'acme', 'ann', 'bob', 'sql', 'Hi', %s)
"""


@pytest.mark.parametrize("time", AHEAD + LONG_AGO)
def test_a_time_that_breaks_the_inbox(database: Database, time: str) -> None:
    with database.connect("service_login") as connection, connection.transaction():
        bob = SkillMessages(connection, tenant_id="acme", user_id="bob")
        connection.execute("SELECT set_skill_message_context('acme', 'bob')")
        if time in LONG_AGO:
            refused = pytest.raises(CheckViolation, match="skill_messages_created_at_check")
            with refused, connection.transaction():
                connection.execute(INSERT, [time])
            connection.execute(INSERT, ["1970-01-01 00:00+00"])
        else:
            connection.execute(INSERT, [time])
        update = "UPDATE skill_messages SET read_at = %s"
        assert connection.execute(update, [time]).rowcount == 1

        [message] = bob.get_messages_for_user()
        now = datetime.now(timezone.utc) + timedelta(seconds=1)
        assert message.read_at is not None
        assert message.created_at <= message.read_at < now
        assert bob.export_user_messages()[0]["id"] == "new"
        assert bob.get_message_stats().pending == 1
