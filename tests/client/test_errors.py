"""Every error has a class, a SQLSTATE and a hint."""

import pickle
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import errors

import skill_messages
from skill_messages import (
    NewMessage,
    SkillMessageError,
    SkillMessages,
)


def two_users_in_one_transaction(act_as: Callable[..., Any], connection: Any) -> None:
    with connection.transaction():
        act_as("ann").send_skill_message("ann", "bob", "sql", "Never mind")
        act_as("bob").get_messages_for_user("bob")


def writing_where_one_may_read(act_as: Callable[..., Any], connection: Any) -> None:
    with connection.transaction():
        connection.execute("SET TRANSACTION READ ONLY")
        act_as("ann").send_skill_message("ann", "bob", "sql", "Hello")


def deciding_what_changed_meanwhile(act_as: Callable[..., Any], connection: Any) -> None:
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1 FROM tenants")
        with psycopg.connect(connection.info.dsn, autocommit=True) as other:
            ann = SkillMessages(other, tenant_id="acme", user_id="ann")
            ann.send_skill_message("ann", "cy", "sql", "Since then", id="m2")
        act_as("ann").send_skill_message("ann", "cy", "sql", "Since then", id="m2")


def two_tenants_in_one_transaction(act_as: Callable[..., Any], connection: Any) -> None:
    with connection.transaction():
        act_as("ann").send_skill_message("ann", "bob", "sql", "Never mind")
        act_as("ann", "globex").get_messages_for_user("ann")


# What is tried, after Ann has sent m1 to Bob and he has declined it.
ERRORS: list[tuple[type[SkillMessageError], str, int, Callable[[Callable[..., Any], Any], Any]]] = [
    (
        skill_messages.ContextMissingError,
        "SM001",
        401,
        lambda act_as, _: act_as("ann", "").mark_message_read("m1"),
    ),
    (
        skill_messages.ContextMissingError,
        "SM001",
        401,
        lambda act_as, _: act_as(None).get_unread_count_for_user("ann"),
    ),
    (
        skill_messages.MessageNotFoundError,
        "SM002",
        404,
        lambda act_as, _: act_as("ann").mark_message_read("m1"),
    ),
    (
        skill_messages.MessageNotFoundError,
        "SM002",
        404,
        lambda act_as, _: act_as("gus", "globex").update_message_status("m1", "accepted"),
    ),
    (
        skill_messages.AlreadyDecidedError,
        "SM003",
        409,
        lambda act_as, _: act_as("bob").update_message_status("m1", "accepted"),
    ),
    (
        skill_messages.IdTakenError,
        "SM004",
        409,
        lambda act_as, _: act_as("ann").send_skill_message("ann", "bob", "sql", "Else", id="m1"),
    ),
    (skill_messages.ContextConflictError, "SM005", 500, two_users_in_one_transaction),
    (skill_messages.ContextConflictError, "SM005", 500, two_tenants_in_one_transaction),
    (
        skill_messages.UnknownIdError,
        "23503",
        422,
        lambda act_as, _: act_as("ann").send_skill_message("ann", "gus", "sql", "Hello"),
    ),
    (
        skill_messages.InvalidMessageError,
        "23514",
        422,
        lambda act_as, _: act_as("ann").send_skill_message("ann", "bob", "sql", " \n"),
    ),
    (
        skill_messages.InvalidMessageError,
        "23514",
        422,
        lambda act_as, _: act_as("bob").update_message_status("m1", "maybe"),
    ),
    (
        skill_messages.InvalidArgumentError,
        "22023",
        422,
        lambda act_as, _: act_as("ann").get_messages_for_user("ann", 0),
    ),
    (
        skill_messages.NotAllowedError,
        "42501",
        403,
        lambda act_as, _: act_as("ann").send_skill_message("bob", "cy", "sql", "Hello"),
    ),
    (  # PostgreSQL itself refuses, without a hint: the class has one
        skill_messages.NotAllowedError,
        "42501",
        403,
        lambda act_as, _: act_as("ann").erase_user_messages("ann"),
    ),
    (skill_messages.ReadOnlyError, "25006", 503, writing_where_one_may_read),
    (skill_messages.TransactionConflictError, "40001", 503, deciding_what_changed_meanwhile),
]


def same(error: SkillMessageError) -> tuple[object, ...]:
    return type(error), str(error), error.sqlstate, error.hint, error.diag.message_primary


@pytest.mark.parametrize(
    ("error", "sqlstate", "http_status", "attempt"),
    ERRORS,
    ids=[f"{sqlstate}-{number}" for number, (_, sqlstate, *_) in enumerate(ERRORS)],
)
def test_errors_have_a_class_a_sqlstate_and_a_hint(
    act_as: Callable[..., Any],
    connection: Any,
    error: type[SkillMessageError],
    sqlstate: str,
    http_status: int,
    attempt: Any,
) -> None:
    act_as("ann").send_skill_message("ann", "bob", "sql", "Hello", id="m1")
    act_as("bob").update_message_status("m1", "declined")

    with pytest.raises(error) as raised:
        attempt(act_as, connection)

    assert type(raised.value) is error
    assert isinstance(raised.value, errors.lookup(sqlstate) if sqlstate < "SM" else error)
    assert raised.value.sqlstate == raised.value.diag.sqlstate == sqlstate
    assert raised.value.hint == (raised.value.diag.message_hint or error.hint)
    assert str(raised.value) == raised.value.diag.message_primary
    assert raised.value.http_status == http_status
    assert same(pickle.loads(pickle.dumps(raised.value))) == same(raised.value)  # noqa: S301
    # Nothing is half-done, and the connection serves the next call.
    assert [m.id for m in act_as("bob").get_messages_for_user("bob")] == ["m1"]


def test_every_error_can_be_made_in_a_test_and_pickled() -> None:
    known = {getattr(skill_messages, name) for name in skill_messages.__all__ if "Error" in name}
    assert {error for error, *_ in ERRORS} == known - {
        SkillMessageError,
        skill_messages.DeadlockError,  # which test_concurrency.py brings about
    }
    for error in known:
        made = error("What it says")
        assert (str(made), made.hint, made.diag.sqlstate) == ("What it says", error.hint, None)
        assert (made.sqlstate is None) is (error is SkillMessageError)
        assert made.hint
        assert re.fullmatch(r"[A-Z][^.]+\.( [A-Z][^.]+\.)?", made.user_message)
        assert made.http_status in {401, 403, 404, 409, 422, 500, 503}
        assert same(pickle.loads(pickle.dumps(made))) == same(made)  # noqa: S301
        assert error("", hint="Another hint").hint == "Another hint"


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["NUL", "surrogate"])
def test_text_that_postgresql_cannot_store(act_as: Callable[..., Any], text: str) -> None:
    ann = act_as("ann")
    new: NewMessage = {
        "from_user_id": "ann",
        "to_user_id": "bob",
        "subject_skill_id": "sql",
        "message": text,
    }
    attempts: list[Callable[[], object]] = [
        lambda: ann.send_skill_message("ann", "bob", "sql", text),
        lambda: ann.send_skill_messages([new]),
        lambda: ann.get_skill_message(text),
        lambda: act_as(text).get_messages_for_user(),
        lambda: ann.mark_messages_read(message_ids=[text]),
    ]
    for attempt in attempts:
        with pytest.raises(skill_messages.InvalidArgumentError) as raised:
            attempt()
        assert raised.value.http_status == 422
        assert "NUL" in raised.value.hint
    assert act_as("bob").get_messages_for_user() == []
