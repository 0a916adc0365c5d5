"""The boxes, page by page."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest

from skill_messages import (
    InvalidArgumentError,
    Message,
    Page,
)
from tests.client.conftest import a_moment_later


def test_walks_all_pages_in_order(act_as: Callable[..., Any], connection: Any) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    with connection.transaction():  # one transaction, one created_at: order is by id alone
        same_time = [ann.send_skill_message("ann", "bob", "sql", f"{n}") for n in range(7)]
    later = []
    for n in range(3):
        a_moment_later()
        later.append(ann.send_skill_message("ann", "bob", "sql", f"{n}"))
    expected = [*reversed(later), *sorted(same_time, reverse=True)]

    for page_size in (1, 3, 5, 10, 50):
        walked = [message.id for message in bob.iter_messages_for_user("bob", page_size)]
        assert walked == expected


def test_the_sent_box(act_as: Callable[..., Any]) -> None:
    ann = act_as("ann")
    sent = []
    for to_user_id in ("bob", "cy", "ann"):
        a_moment_later()
        sent.append(ann.send_skill_message("ann", to_user_id, "sql", "Hello"))
    act_as("bob").send_skill_message("bob", "ann", "sql", "Hello")
    assert [message.id for message in ann.get_messages_from_user("ann", 2)] == sent[:0:-1]
    assert [message.id for message in ann.iter_messages_from_user("ann", 2)] == sent[::-1]


def test_pages_in_a_web_application(act_as: Callable[..., Any]) -> None:
    """One opaque string goes out with a page and comes back with the request for the next."""
    ann, bob = act_as("ann"), act_as("bob")
    ids = [f"{n} /?&=+ü🐘" for n in range(7)]
    for message_id in ids:
        ann.send_skill_message("ann", "bob", "sql", "Hello", id=message_id)
        a_moment_later()
    for client, name in (
        (bob, "get_messages_for_user"),
        (ann, "get_messages_from_user"),
        (bob, "get_named_messages_for_user"),
        (ann, "get_named_messages_from_user"),
    ):
        seen: list[Message] = []
        before = None
        for length in (3, 3, 1):
            page = getattr(client, name)(max_messages=3, before=before)
            assert isinstance(page, Page)
            assert len(page) == length
            assert page == getattr(client, name)(max_messages=3, before=seen[-1] if seen else None)
            seen += page
            before = page.next
            assert before is None or re.fullmatch(r"[A-Za-z0-9_-]+", before)
        assert before is None
        assert getattr(client, name)(max_messages=3, before="") == seen[:3]  # as forms have it
        assert [message.id for message in seen] == ids[::-1]
    with pytest.raises(InvalidArgumentError, match=r"^max_messages is 0"):
        bob.get_messages_for_user(max_messages=0)


NESTED = base64.urlsafe_b64encode(b"[" * 99_999).decode()


@pytest.mark.parametrize(
    "forged",
    [
        *("x", "bm8", "ü", "W10", "WzEsMl0", "eyJhIjoxfQ", "WyIyMDI2LTAxLTAxIl0", "bnVsbA"),
        pytest.param(NESTED, id="nested"),
    ],
)
def test_a_forged_place_is_refused(act_as: Callable[..., Any], forged: str) -> None:
    with pytest.raises(InvalidArgumentError, match="before is not the next of a page") as raised:
        act_as("bob").get_messages_for_user(before=forged)
    assert (raised.value.sqlstate, raised.value.http_status) == ("22023", 422)


def test_the_boxes_with_names(act_as: Callable[..., Any]) -> None:
    ann, bob = act_as("ann"), act_as("bob")
    ann.send_skill_message("ann", "bob", "sql", "Hello", "postgres")
    a_moment_later()
    ann.send_skill_message("ann", "bob", "sql", "No parent")
    for page in (bob.get_named_messages_for_user(), ann.get_named_messages_from_user("ann")):
        assert [(m.from_user_name, m.to_user_name, m.subject_skill_name) for m in page] == [
            ("Ann", "Bob", "SQL")
        ] * 2
        assert [m.proposed_parent_skill_name for m in page] == [None, "PostgreSQL"]
        assert page == [bob.get_skill_message(message.id) for message in page]
