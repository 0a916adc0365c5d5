"""Reading and referring to what is another tenant's, by every statement that reads."""

# ruff: noqa: S608
# These statements are attacks, put together on purpose.

import pytest
from psycopg import errors

from tests.attacks.conftest import ACTORS, HIDDEN, acting
from tests.conftest import Database

# Their own rows, as ids; nobody has a privilege, and the owner no policy.
READ = {
    "service": ["a1", "a2", "a3"],
    "app": ["a1", "a3"],
    "both": ["a1", "a3"],
    "owner": [],
    "owner and service": ["a1", "a2", "a3"],
    "retention": ["a1", "a2", "a3"],
}
IDS = "SELECT id FROM public.skill_messages ORDER BY id"
# The last statement of each is what is read.
WAYS = {
    "a select": [IDS],
    "a wish": ["SELECT id FROM skill_messages WHERE tenant_id = 'globex' OR true ORDER BY id"],
    "only": ["SELECT id FROM ONLY skill_messages ORDER BY id"],
    "places": ["SELECT id FROM skill_messages WHERE ctid >= '(0,0)' ORDER BY id"],
    "a cursor": [f"DECLARE c CURSOR FOR {IDS}", "FETCH ALL FROM c"],
    "a prepared statement": [f"PREPARE p AS {IDS}", "EXECUTE p"],
    "a table of one's own": [f"CREATE TEMP TABLE mine AS {IDS}", "SELECT id FROM mine"],
    "a view": [f"CREATE TEMP VIEW mine AS {IDS}", "SELECT id FROM mine"],
    "a view as invoker": [
        f"CREATE TEMP VIEW mine WITH (security_invoker) AS {IDS}",
        "SELECT id FROM mine",
    ],
    "a function as definer": [
        "CREATE FUNCTION pg_temp.mine() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER"
        f" AS '{IDS}'",
        "SELECT * FROM pg_temp.mine()",
    ],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("actor", READ)
def test_reading_shows_own_rows_alone(victim: Database, actor: str, way: str) -> None:
    with acting(victim, actor) as attacker:
        for statement in WAYS[way]:
            cursor = attacker.connection.execute(statement.encode())
        assert [id_ for (id_,) in cursor.fetchall()] == READ[actor]


@pytest.mark.parametrize("actor", READ)
def test_copying_shows_own_rows_alone(victim: Database, actor: str) -> None:
    with acting(victim, actor) as attacker:
        cursor = attacker.connection.cursor()
        if actor == "retention":
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute("COPY skill_messages TO STDOUT")
            return
        with cursor.copy("COPY skill_messages TO STDOUT") as copy:
            copied = sorted(row[0] for row in copy.rows())
    assert copied == READ[actor]


@pytest.mark.parametrize(
    ("actor", "sqlstate"),
    [("service", "0A000"), ("app", "42501"), ("retention", "42501"), ("nobody", "42501")],
)
def test_copying_rows_in(victim: Database, actor: str, sqlstate: str) -> None:
    with acting(victim, actor) as attacker:
        assert attacker.tries("COPY skill_messages FROM STDIN").sqlstate == sqlstate


@pytest.mark.parametrize("actor", ACTORS)
def test_nothing_is_read_without_a_tenant(victim: Database, actor: str) -> None:
    for tenant in ("", " ", "%", "GLOBEX", "globex "):
        with acting(victim, actor, tenant=tenant) as attacker:
            for table in ("skill_messages", "users", "skills", "tenants"):
                answer = attacker.tries(f"SELECT id FROM {table}")
                assert answer.sqlstate in (None, "42501")
                assert answer.told == "[]" or "permission denied" in answer.told


# The owner, who may call all of them, is told that a GRANT is missing.
CALLS = [
    "SELECT get_messages_for_user('bob')",
    "SELECT get_messages_from_user('bob')",
    "SELECT get_named_messages_for_user('bob')",
    "SELECT get_named_messages_from_user('bob')",
    "SELECT get_skill_message('a1')",
    "SELECT get_unread_count_for_user('bob')",
    "SELECT mark_message_read('a1')",
    "SELECT mark_messages_read('bob')",
    "SELECT update_message_status('a1', 'accepted')",
    "SELECT export_user_messages('bob')",
    "SELECT get_message_stats()",
    "SELECT send_skill_message('bob', 'ann', 'sql', 'Hi')",
    "SELECT erase_user_messages('bob')",
    "CALL purge_skill_messages('0', tenant_id => 'acme')",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("actor", ["owner", "nobody"])
def test_an_answer_is_never_silently_empty(victim: Database, actor: str, call: str) -> None:
    with acting(victim, actor) as attacker:
        answer = attacker.tries(call)
    assert answer.sqlstate == "42501"
    if actor == "owner":
        role = "retention" if "erase" in call or "purge" in call else "service"
        assert f"GRANT skill_messages_{role} TO deployer" in answer.told


# The operations of another's message or user, and the error that tells nothing of it.
OF_ANOTHER = {
    "SELECT get_skill_message('{}')": "SM002",
    "SELECT mark_message_read('{}')": "SM002",
    "SELECT update_message_status('{}', 'accepted')": "SM002",
    "SELECT mark_messages_read(message_ids => ARRAY['{}'])": None,
    "UPDATE skill_messages SET status = 'accepted' WHERE id = '{}'": None,
}


@pytest.mark.parametrize("call", OF_ANOTHER)
@pytest.mark.parametrize("actor", ["app", "both"])
def test_a_message_of_others_answers_as_one_that_does_not_exist(
    victim: Database, actor: str, call: str
) -> None:
    with acting(victim, actor) as attacker:
        answers = {id_: attacker.tries(call.format(id_)) for id_ in ("a2", "g1", "a0")}
    assert {answer.sqlstate for answer in answers.values()} == {OF_ANOTHER[call]}
    assert answers["a2"].told.replace("a2", "a0") == answers["a0"].told
    assert answers["g1"].told.replace("g1", "a0") == answers["a0"].told
    assert HIDDEN not in answers["a2"].told + answers["g1"].told


INSERT = (
    "INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,"
    " message, proposed_parent_skill_id) VALUES ('new', 'acme', '{0}', '{1}', '{2}', 'Hi', '{3}')"
)
SEND = "SELECT send_skill_message('{0}', '{1}', '{2}', 'Hi', '{3}')"
BATCH = (
    "SELECT send_skill_messages(jsonb_build_array(jsonb_build_object('from_user_id', '{0}',"
    " 'to_user_id', '{1}', 'subject_skill_id', '{2}', 'message', 'Hi',"
    " 'proposed_parent_skill_id', '{3}')))"
)
MINE = ["ann", "bob", "sql", "postgres"]
THEIRS = ["gus", "ida", "welding", "welding"]
NOBODYS = ["gos", "ido", "wolding", "wolding"]


@pytest.mark.parametrize("position", range(4), ids=["sender", "recipient", "subject", "parent"])
@pytest.mark.parametrize("way", [INSERT, SEND, BATCH], ids=["insert", "send", "batch"])
@pytest.mark.parametrize("actor", ["service", "app", "both", "owner and service"])
def test_a_key_of_another_tenant_answers_as_one_that_does_not_exist(
    victim: Database, actor: str, way: str, position: int
) -> None:
    def answer(named: list[str]) -> tuple[str | None, str]:
        arguments = [*MINE[:position], named[position], *MINE[position + 1 :]]
        answer = attacker.tries(way.format(*arguments))
        return answer.sqlstate, answer.told.replace(named[position], "it")

    with acting(victim, actor) as attacker:
        assert answer(THEIRS) == answer(NOBODYS)
        not_itself = position == 0 and actor in ("app", "both")
        assert answer(THEIRS)[0] == ("42501" if not_itself else "23503")
        assert answer(MINE)[0] is None
