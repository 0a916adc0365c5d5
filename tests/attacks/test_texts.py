"""Texts: guessed by who may not read them, invisible ones, and the one that stands for none."""

# ruff: noqa: S608
# These statements are attacks, put together on purpose.

import psycopg
import pytest
import regex
from psycopg import sql

from tests.attacks.conftest import HIDDEN, Actor, acting
from tests.conftest import Database
from tools.server import DEPLOYER, Server, sqitch

# What retention might write to learn what stands there: {} is its guess of the text.
GUESSES = {
    "update": "UPDATE skill_messages SET message = '{}' WHERE id = 'a2'",
    "update returning the id": (
        "UPDATE skill_messages SET message = '{}' WHERE id = 'a2' RETURNING id"
    ),
    "update by place": (
        "UPDATE skill_messages SET message = '{}'"
        " WHERE ctid = (SELECT ctid FROM skill_messages WHERE id = 'a2')"
    ),
    "update of an expression": (
        "UPDATE skill_messages SET message = left('{}', 99) || '' WHERE id = 'a2'"
    ),
    "merge": (
        "MERGE INTO skill_messages AS m USING (VALUES ('a2')) AS v (id) ON m.id = v.id"
        " WHEN MATCHED THEN UPDATE SET message = '{}'"
    ),
    "too long": "UPDATE skill_messages SET message = '{}' || repeat('x', 10001) WHERE id = 'a2'",
    "in a DO block": (
        "DO $$ BEGIN UPDATE skill_messages SET message = '{}' WHERE id = 'a2'; END $$"
    ),
}

# What it may not even ask: it reads no text.
QUESTIONS = {
    "select": "SELECT message FROM skill_messages",
    "select all": "SELECT * FROM skill_messages",
    "whole row": "SELECT m FROM skill_messages AS m",
    "whole row in a condition": "SELECT id FROM skill_messages AS m WHERE m::text LIKE '%{}%'",
    "length": "SELECT octet_length(message) FROM skill_messages",
    "size": "SELECT pg_column_size(message) FROM skill_messages",
    "condition of a delete": "DELETE FROM skill_messages WHERE message = '{}'",
    "condition of an update": "UPDATE skill_messages SET message = '[erased]' WHERE message = '{}'",
    "the text itself": "UPDATE skill_messages SET message = message",
    "a case": "UPDATE skill_messages SET message = CASE message WHEN '{}' THEN '[erased]' END",
    "returning": "UPDATE skill_messages SET message = '[erased]' RETURNING message",
    "returning all": "DELETE FROM skill_messages RETURNING *",
    "order": "SELECT id FROM skill_messages ORDER BY message",
    "conflict": (
        "INSERT INTO skill_messages (id, tenant_id, message) VALUES ('a2', 'acme', '{}')"
        " ON CONFLICT (id, tenant_id) DO UPDATE SET message = '{}'"
    ),
    "merge": (
        "MERGE INTO skill_messages AS m USING (VALUES ('a2')) AS v (id) ON m.id = v.id"
        " WHEN MATCHED AND m.message = '{}' THEN DELETE"
    ),
    "plan": "EXPLAIN SELECT id FROM skill_messages WHERE message = '{}'",
    "copy": "COPY skill_messages (message) TO STDOUT",
    "statistics": "SELECT stavalues1 FROM pg_statistic",
    "the inbox": "SELECT get_messages_for_user('bob')",
    "the export": "SELECT export_user_messages('bob')",
    "the retry of a send": (
        "SELECT skill_messages_private.check_skill_message_retry("
        "'acme', 'a2', 'bob', 'cy', 'sql', '{}', NULL)"
    ),
}


@pytest.mark.parametrize("way", GUESSES)
def test_retention_is_not_told_whether_it_guessed_a_text(victim: Database, way: str) -> None:
    with acting(victim, "retention") as attacker:
        right = attacker.tries(GUESSES[way].format("Secret of Bob and Cy"))
        wrong = attacker.tries(GUESSES[way].format("Something else"))
        nothing = attacker.tries(GUESSES[way].format(""))
    assert right.sqlstate == "23514"
    assert right.told.replace("Secret of Bob and Cy", "") == nothing.told
    assert wrong.told.replace("Something else", "") == nothing.told


@pytest.mark.parametrize("question", QUESTIONS)
def test_retention_cannot_ask_for_a_text(victim: Database, question: str) -> None:
    with acting(victim, "retention") as attacker:
        answer = attacker.tries(QUESTIONS[question].format("Secret of Bob and Cy", "x"))
    assert answer.sqlstate == "42501"


def test_retention_writes_erased_and_nothing_else(victim: Database) -> None:
    with acting(victim, "retention") as attacker:
        erase = "UPDATE skill_messages SET message = {} WHERE id = 'a2'"
        for text in ("NULL", "DEFAULT", "'[erased] '", "'[Erased]'", "''"):
            assert attacker.tries(erase.format(text)).sqlstate == "23514"
        assert attacker.tries(erase.format("'[erased]'")).told == "UPDATE 1"


SENDS = {
    "function": "SELECT send_skill_message('ann', 'bob', 'sql', {})",
    "batch": (
        "SELECT send_skill_messages(jsonb_build_array(jsonb_build_object('from_user_id', 'ann',"
        " 'to_user_id', 'bob', 'subject_skill_id', 'sql', 'message', {})))"
    ),
    "insert": (
        "INSERT INTO skill_messages"
        " (id, tenant_id, from_user_id, to_user_id, subject_skill_id, message)"
        " VALUES ('new', 'acme', 'ann', 'bob', 'sql', {})"
    ),
}
INVISIBLE = {
    "spaces": "'   '",
    "no-break space": "U&'\\00A0'",
    "zero-width space": "U&'\\200B\\200D'",
    "byte order mark": "U&'\\FEFF'",
    "blank of Braille": "U&'\\2800'",
    "filler of Hangul": "U&'\\3164'",
    "bidi controls": "U&'\\202E\\2066'",
    "controls": "U&'\\0001\\001B\\007F\\0085'",
    "tags": "U&'\\+0E0041\\+0E007F'",
    "selectors of variation": "U&'\\FE0F\\+0E0100'",
    "soft hyphen": "U&'\\00AD'",
    "what stands for an erased text": "'[erased]'",
}


@pytest.mark.parametrize("way", SENDS)
@pytest.mark.parametrize("text", INVISIBLE)
def test_sending_nothing_to_be_seen(victim: Database, text: str, way: str) -> None:
    for actor in ("service", "app"):
        with acting(victim, actor) as attacker:
            assert attacker.tries(SENDS[way].format(INVISIBLE[text])).sqlstate == "23514"
            assert attacker.tries(SENDS[way].format(f"{INVISIBLE[text]} || '!'")).sqlstate is None


def test_every_character_of_unicode_is_visible_or_is_not(victim: Database) -> None:
    """The list of classes in the constraint against the tables of the package regex."""
    with victim.connect() as connection:
        constraint = "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = %s"
        found = connection.execute(constraint, ["skill_messages_message_check"]).fetchone()
        assert found is not None
        characters = connection.execute(
            sql.SQL(
                "SELECT array_agg(point) FROM ("
                " SELECT point, chr(point) AS message FROM generate_series(1, 1114111) AS point"
                " WHERE point NOT BETWEEN 55296 AND 57343 OFFSET 0"
                ") AS every WHERE NOT {}"
            ).format(sql.SQL(found[0]))
        ).fetchone()
        assert characters is not None
    invisible = regex.compile(
        r"[\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]"
    )
    surrogates = range(0xD800, 0xE000)
    assert set(characters[0]) == {
        point
        for point in range(1, 0x110000)
        if point not in surrogates and invisible.match(chr(point))
    }


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_text_is_refused(
    fresh_server: Server, encoding: str
) -> None:
    name = f"in_{encoding.lower()}"
    with psycopg.connect(fresh_server.conninfo(), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} OWNER {DEPLOYER} TEMPLATE template0"
            f" ENCODING '{encoding}' LOCALE 'C'".encode()
        )
    done = sqitch("deploy", fresh_server.target(name))
    assert done.returncode != 0
    assert f"The encoding of the database is {encoding}" in done.stderr
    with psycopg.connect(fresh_server.conninfo(name)) as connection:
        assert connection.execute(
            "SELECT to_regnamespace('skill_messages_private')"
        ).fetchone() == (None,)
    fresh_server.drop_database(name)


@pytest.mark.parametrize("actor", [Actor("app_login", "cy"), Actor("service_login")])
def test_an_error_shows_no_row(victim: Database, actor: Actor) -> None:
    """No "Failing row contains": of row-level security PostgreSQL is silent."""
    refused = {
        "UPDATE skill_messages SET status = 'unknown' WHERE id = 'a2'": "23514",
        "UPDATE skill_messages SET status = NULL WHERE id = 'a2'": "23502",
        SENDS["insert"].replace("'ann'", f"'{actor.user or 'ann'}'").format("''"): "23514",
        "INSERT INTO skill_messages (id, tenant_id, from_user_id, to_user_id, subject_skill_id,"
        f" message) VALUES ('a2', 'acme', '{actor.user or 'ann'}', 'bob', 'sql', 'Hi')": "23505",
    }
    with acting(victim, actor) as attacker:
        for statement, sqlstate in refused.items():
            answer = attacker.tries(statement)
            assert answer.sqlstate == sqlstate
            assert "contains" not in answer.told
            assert "Key (" not in answer.told
            assert HIDDEN not in answer.told
