"""Arguments of many megabytes, which should not come back in an error or in the server's log.

They are bound, as drivers do. A statement that spells them out is itself what the log repeats.
"""

from pathlib import Path

import pytest

from tests.attacks.conftest import acting
from tests.conftest import Database

MEGABYTE = 2**20

# The SQLSTATE where it is refused; some only find nothing.
CALLS = {
    "SELECT set_skill_message_context(%s)": "22023",
    "SELECT set_skill_message_context('acme', %s)": "22023",
    "SELECT send_skill_message('ann', 'bob', 'sql', 'Hi', id => %s)": "23514",
    "SELECT send_skill_message('ann', %s, 'sql', 'Hi')": "22023",
    "SELECT send_skill_message(%s, 'bob', 'sql', 'Hi')": "42501",
    "SELECT send_skill_message('ann', 'bob', %s, 'Hi')": "22023",
    "SELECT send_skill_message('ann', 'bob', 'sql', 'Hi', %s)": "22023",
    "SELECT send_skill_message('ann', 'bob', 'sql', %s)": "23514",
    "SELECT send_skill_messages(jsonb_build_array(jsonb_build_object('from_user_id', 'ann',"
    " 'to_user_id', 'bob', 'subject_skill_id', 'sql', 'message', 'Hi', 'id', %s::text)))": "23514",
    "SELECT send_skill_messages(jsonb_build_array(jsonb_build_object(%s::text, 'Hi')))": "22023",
    "SELECT send_skill_messages(to_jsonb(%s::text))": "22023",
    "SELECT get_messages_for_user(%s)": "42501",
    "SELECT get_messages_from_user('ann', 9, now(), %s)": None,
    "SELECT get_named_messages_for_user(%s)": "42501",
    "SELECT get_named_messages_from_user('ann', 9, now(), %s)": None,
    "SELECT get_skill_message(%s)": "SM002",
    "SELECT get_unread_count_for_user(%s)": "42501",
    "SELECT mark_message_read(%s)": "SM002",
    "SELECT mark_messages_read(%s)": "42501",
    "SELECT mark_messages_read(message_ids => ARRAY[%s])": None,
    "SELECT update_message_status(%s, 'accepted')": "SM002",
    "SELECT update_message_status('a1', %s)": "23514",
    "SELECT export_user_messages(%s)": "42501",
    "INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,"
    " message) VALUES (%s, 'acme', 'ann', 'bob', 'sql', 'Hi')": "23514",
    "UPDATE skill_messages SET status = %s WHERE id = 'a3'": "23514",
}


def log_of(database: Database) -> Path:
    """Where the throw-away server writes its errors."""
    [log] = Path(database.server.base_dir).glob("*.log")
    return log


@pytest.mark.parametrize("call", CALLS)
def test_a_long_argument_is_not_repeated(victim: Database, call: str) -> None:
    # The one of which this was seen is tried in full.
    size = 100 if "mark_message_read" in call else 4
    log = log_of(victim)
    before = log.stat().st_size
    with acting(victim, "app") as attacker:
        answer = attacker.tries(call, ["x" * size * MEGABYTE])
    assert answer.sqlstate == CALLS[call]
    assert len(answer.told) < 1500
    assert "x" * 101 not in answer.told

    with log.open(errors="replace") as written:
        written.seek(before)
        lines = written.read().splitlines()
    assert max(map(len, lines), default=0) < 1000
    assert answer.sqlstate is None or lines
