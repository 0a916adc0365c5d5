"""The client as an editor, a test and a type checker see it."""

import ast
import asyncio
import inspect
import io
import json
import tokenize
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_type_hints
from unittest.mock import create_autospec

import pytest
from typing_extensions import LiteralString

import skill_messages
from skill_messages import (
    AsyncSkillMessages,
    Erasure,
    Message,
    NewMessage,
    Page,
    SkillMessages,
    Stats,
)
from tests.client.conftest import BOXES, operations
from tests.conftest import Database, Flavour
from tools.server import ROOT


def test_rows_become_dict_and_json_and_can_be_hashed(act_as: Callable[..., Any]) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    message_id = ann.send_skill_message("ann", "bob", "sql", "Hello", "postgres")
    bob.mark_message_read(message_id)
    decided = bob.update_message_status(message_id, "accepted")
    [again] = bob.get_messages_for_user()
    assert decided == again
    assert hash(decided) == hash(again)
    assert {decided, again} == {again}
    assert decided != replace(again, message="Another")

    plain = decided.to_dict()
    assert list(plain) == [field.name for field in fields(Message)]
    assert Message(**plain) == decided
    from_json = json.loads(decided.to_json())
    assert from_json["status"] == "accepted"
    assert datetime.fromisoformat(from_json["created_at"]) == decided.created_at
    stats = bob.get_message_stats()
    duration = json.loads(stats.to_json())["median_time_to_answer"]
    assert duration == stats.median_time_to_answer.total_seconds()
    assert Stats(**stats.to_dict()) == stats


# What somebody who may create in public would plant: the same names, with types that match better
# what psycopg sends for small integers, short strings and the like.
PLANT: LiteralString = """
    DO $do$
    DECLARE
        v_create text;
    BEGIN
        FOR v_create IN
            SELECT format(
                'CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS '
                '$$BEGIN RAISE ''hijacked''; END$$', p.proname, types.changed,
                pg_get_function_result(p.oid))
            FROM pg_proc AS p
            CROSS JOIN unnest(ARRAY['varchar', 'bpchar', 'name']) AS kind (of_text)
            CROSS JOIN LATERAL (
                SELECT string_agg(format('%I %s', p.proargnames[a.position], CASE a.type
                    WHEN 'text'::regtype THEN kind.of_text
                    WHEN 'text[]'::regtype THEN 'varchar[]'
                    WHEN 'integer'::regtype THEN 'smallint'
                    WHEN 'bigint'::regtype THEN 'smallint'
                    WHEN 'timestamptz'::regtype THEN 'timestamp'
                    WHEN 'jsonb'::regtype THEN 'json'
                    ELSE a.type::regtype::text
                END), ', ' ORDER BY a.position) AS changed
                FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, position)
            ) AS types
            WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' AND p.pronargs > 0
        LOOP
            BEGIN
                EXECUTE v_create;
            EXCEPTION
                WHEN duplicate_function THEN NULL;
            END;
        END LOOP;
    END;
    $do$
"""


def test_a_planted_overload_is_not_called(
    flavour: Flavour, database: Database, act_as: Callable[..., Any]
) -> None:
    with database.connect() as superuser:
        superuser.execute(PLANT)
        query = "SELECT DISTINCT proname FROM pg_proc WHERE prosrc ~ 'hijacked'"
        planted = {name for (name,) in superuser.execute(query)}
    assert planted == {*operations(SkillMessages), "set_skill_message_context"} - {
        "get_message_stats"  # which has no arguments
    }
    ann, bob = act_as("ann"), act_as("bob")

    first = ann.send_skill_message("ann", "bob", "sql", "Hello", "postgres", "m1")
    now = datetime.now(timezone.utc)
    new: NewMessage = {
        "from_user_id": "ann",
        "to_user_id": "bob",
        "subject_skill_id": "sql",
        "message": "Hello",
    }
    [second] = ann.send_skill_messages([new])
    assert len(bob.get_messages_for_user("bob", 5)) == 2
    [received, _] = bob.get_named_messages_for_user("bob", 5)
    earlier = replace(received, created_at=now - timedelta(days=1))
    assert bob.get_messages_for_user("bob", 5, earlier) == []
    assert len(ann.get_named_messages_from_user("ann", 5)) == 2
    assert len(ann.get_messages_from_user("ann", 5)) == 2
    assert bob.get_skill_message(first).id == first
    assert bob.get_unread_count_for_user("bob", 5) == 2
    assert bob.mark_message_read(first)
    assert bob.mark_messages_read("bob", now + timedelta(days=1), [first, second]) == 1
    assert bob.update_message_status(first, "accepted").status == "accepted"
    assert bob.get_message_stats().accepted == 1
    assert len(bob.export_user_messages("bob")) == 2
    with flavour.connect(database.conninfo("retention_login"), autocommit=True) as connection:
        retention = flavour.client(connection, tenant_id="acme")
        assert retention.erase_user_messages("ann", keep_decided=False) == Erasure(2, 0)


def test_methods_mirror_the_sql_functions(database: Database) -> None:
    with database.connect() as connection:
        query = """
            SELECT p.proname, coalesce(p.proargnames[:p.pronargs], '{}')
            FROM pg_proc AS p
            WHERE p.pronamespace = 'public'::regnamespace
                AND p.proname ~ '^(send|get|mark|update|export|erase)_'
        """
        functions = dict(connection.execute(query).fetchall())
    assert len(functions) == 14
    for box in BOXES:  # where Python carries one argument instead of two
        assert functions[box][2:] == ["before_created_at", "before_id"]
        functions[box][2:] = ["before"]

    for client in (SkillMessages, AsyncSkillMessages):
        methods = {
            name: list(inspect.signature(getattr(client, name)).parameters)[1:]
            for name in operations(client)
        }
        assert methods == functions


def test_methods_are_ordinary_ones() -> None:
    """For help(), an editor, and create_autospec()."""
    for name in (*operations(SkillMessages), "iter_messages_for_user", "iter_messages_from_user"):
        sync, asynchronous = getattr(SkillMessages, name), getattr(AsyncSkillMessages, name)
        assert inspect.isfunction(sync)
        assert not inspect.iscoroutinefunction(sync)
        walks = name.startswith("iter_")
        assert inspect.iscoroutinefunction(asynchronous) is not walks
        assert inspect.isasyncgenfunction(asynchronous) is walks
        hints, async_hints = get_type_hints(sync), get_type_hints(asynchronous)
        if walks:
            assert hints.pop("return") == Iterator[Message]
            assert async_hints.pop("return") == AsyncIterator[Message]
        assert hints == async_hints
        assert sync.__doc__ == asynchronous.__doc__ != None  # noqa: E711
        parameters = inspect.signature(sync).parameters
        assert parameters == inspect.signature(asynchronous).parameters
        assert set(hints) == {*parameters, "return"} - {"self"} - ({"return"} if walks else set())
    assert get_type_hints(SkillMessages.get_messages_for_user)["return"] == Page[Message]
    assert get_type_hints(SkillMessages.mark_message_read)["return"] is datetime


def test_a_client_can_be_autospecced() -> None:
    sync = create_autospec(SkillMessages, instance=True)
    sync.get_unread_count_for_user.return_value = 3
    assert sync.get_unread_count_for_user(at_most=9) == 3
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        sync.get_unread_count_for_user(limit=9)

    awaited = create_autospec(AsyncSkillMessages, instance=True)
    awaited.mark_message_read.side_effect = skill_messages.MessageNotFoundError("m1")
    with pytest.raises(skill_messages.MessageNotFoundError, match=r"^m1$"):
        asyncio.run(awaited.mark_message_read("m1"))


def lines_of_code(module: Path) -> int:
    """How many lines there are besides comments, docstrings and blank ones."""
    text = module.read_text()
    if text.startswith("# Generated"):
        return 0
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in layout and token.string:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(lines)


def test_the_library_stays_small() -> None:
    """Both flavours together; what is generated, and the command line, count for nothing."""
    modules = set((ROOT / "python/src/skill_messages").glob("[!_]*.py"))
    assert len(modules) >= 7
    assert 400 < sum(map(lines_of_code, modules)) <= 500
