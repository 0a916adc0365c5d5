"""The JSON API of examples/fastapi, on a real server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from testing.common.database import get_unused_port

from tests.conftest import Database, wait_for_port
from tools.server import ROOT

HERE = ROOT / "examples" / "fastapi"
README = (HERE / "README.md").read_text()
[START] = re.findall(r"^\$ DATABASE_URL=\S+ (uvicorn .+)$", README, re.MULTILINE)

HUGE = 10**30


@contextmanager
def serving(url: str, log: Path) -> Iterator[str]:
    """The application, started as its README says; its address."""
    port = get_unused_port()
    command = [sys.executable, "-m", *START.split(), "--port", str(port)]
    settings = {"DATABASE_URL": url, "SECRET_KEY": "of this test"}
    with (
        log.open("w") as output,
        subprocess.Popen(
            command,
            cwd=HERE,
            env=os.environ | settings,
            stdout=output,
            stderr=output,
            text=True,
        ) as process,
    ):
        try:
            wait_for_port(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fastapi") / "log"


@pytest.fixture(scope="module")
def site(demo: Database, log: Path) -> Iterator[str]:
    with serving(demo.conninfo("app_login"), log) as address:
        yield address


@pytest.fixture(scope="module")
def people(site: str) -> Iterator[dict[str, httpx.Client]]:
    with ExitStack() as opened:
        found = {}
        for name, tenant in (("maya", "harbor"), ("jonas", "harbor"), ("odile", "crumb")):
            visitor = found[name] = opened.enter_context(httpx.Client(base_url=site))
            [token] = set(re.findall('name="csrf" value="(.*?)"', visitor.get("/sign-in").text))
            who = {"tenant_id": f"demo-{tenant}", "user_id": f"demo-{name}"}
            assert visitor.post("/sign-in", data={"csrf": token, **who}).status_code == 303
        yield found


@pytest.fixture
def send(demo: Database, people: dict[str, httpx.Client]) -> Callable[..., httpx.Response]:
    """Maya writes to Jonas; no messages but those of this test."""
    with demo.connect() as connection:
        connection.execute("TRUNCATE skill_messages")

    def send(**changes: Any) -> httpx.Response:
        new = {
            "to_user_id": "demo-jonas",
            "subject_skill_id": "demo-slow-postgres",
            "proposed_parent_skill_id": "demo-pg-tuning",
            "message": "Shall I go under yours?",
        }
        text = json.dumps(new | changes)  # which spells a lone surrogate in ASCII
        kind = {"Content-Type": "application/json"}
        return people["maya"].post("/api/messages", content=text, headers=kind)

    return send


Send = Callable[..., httpx.Response]
People = dict[str, httpx.Client]


def refusal(response: httpx.Response) -> tuple[int, str | None, str]:
    body = response.json()
    assert set(body) == {"detail", "sqlstate"}
    return response.status_code, body["sqlstate"], body["detail"]


NOT_FOUND = (404, "SM002", "There is no such message.")
NOT_VALID = (422, "22023", "The request has a value that is not valid.")
SIGN_IN = (401, "SM001", "Please sign in.")


def test_a_message_from_sending_to_deciding(people: People, send: Send) -> None:
    jonas, maya = people["jonas"], people["maya"]
    sent = send(id="m1")
    assert (sent.status_code, sent.json()) == (201, {"id": "m1"})
    assert jonas.get("/api/unread").json() == {"unread": 1}

    [message] = jonas.get("/api/inbox").json()["messages"]
    assert message["from_user_name"] == "Maya Okafor"
    assert message["proposed_parent_skill_name"] == "PostgreSQL query tuning"
    assert message == jonas.get("/api/messages/m1").json() == maya.get("/api/messages/m1").json()

    first = jonas.put("/api/messages/m1/read").json()["read_at"]
    assert jonas.put("/api/messages/m1/read").json()["read_at"] == first
    assert jonas.get("/api/unread").json() == {"unread": 0}

    decided = jonas.put("/api/messages/m1/status", json={"status": "accepted"})
    assert (decided.status_code, decided.json()["status"]) == (200, "accepted")
    assert maya.get("/api/sent").json()["messages"][0]["status"] == "accepted"
    again = jonas.put("/api/messages/m1/status", json={"status": "declined"})
    assert refusal(again) == (409, "SM003", "This message has already been answered.")


def test_sending_it_again_is_safe(people: People, send: Send) -> None:
    assert [send(id="m1").status_code for _ in range(2)] == [201, 201]
    assert people["jonas"].get("/api/unread").json() == {"unread": 1}
    other = send(id="m1", message="Something else")
    assert refusal(other) == (409, "SM004", "This message was already sent with other content.")


def test_exactly_these_are_marked_as_read(people: People, send: Send) -> None:
    ids = [send().json()["id"] for _ in range(3)]
    for marked in (2, 0):
        answer = people["jonas"].post("/api/messages/read", json={"message_ids": ids[:2]})
        assert answer.json() == {"marked": marked}
    assert people["jonas"].get("/api/unread").json() == {"unread": 1}


def test_pages_by_one_string(people: People, send: Send) -> None:
    expected = [send().json()["id"] for _ in range(7)][::-1]
    for address, who in (("/api/inbox", "jonas"), ("/api/sent", "maya")):
        found, pages, before = [], 0, None
        while True:
            values = {"max_messages": 3} | ({"before": before} if before else {})
            page = people[who].get(address, params=values).json()
            found += [message["id"] for message in page["messages"]]
            pages += 1
            if not (before := page["next"]):
                break
        assert (found, pages) == (expected, 3)


@pytest.mark.parametrize("forged", [False, True])
def test_whoever_is_not_signed_in_sees_nothing(
    site: str, people: People, send: Send, forged: bool
) -> None:
    send(id="m1")
    cookies = {}
    if forged:
        cookies["session"] = "A" + people["jonas"].cookies["session"][1:]
    with httpx.Client(base_url=site, cookies=cookies) as nobody:
        for address in ("/api/inbox", "/api/sent", "/api/unread", "/api/messages/m1"):
            assert refusal(nobody.get(address)) == SIGN_IN
        for method, address, body in (
            ("PUT", "/api/messages/m1/read", None),
            ("PUT", "/api/messages/m1/status", {"status": "accepted"}),
            ("POST", "/api/messages/read", {"message_ids": ["m1"]}),
            ("POST", "/api/messages", {"to_user_id": "u", "subject_skill_id": "s", "message": "m"}),
        ):
            assert refusal(nobody.request(method, address, json=body)) == SIGN_IN
        assert nobody.get("/events").status_code == 401
    message = people["jonas"].get("/api/messages/m1").json()
    assert (message["read_at"], message["status"]) == (None, "pending")


def test_another_tenants_message_does_not_exist(people: People, send: Send) -> None:
    send(id="m1")
    for message_id in ("m1", "nowhere"):
        address = f"/api/messages/{message_id}"
        assert refusal(people["odile"].get(address)) == NOT_FOUND
        assert refusal(people["odile"].put(f"{address}/read")) == NOT_FOUND
        decision = people["odile"].put(f"{address}/status", json={"status": "declined"})
        assert refusal(decision) == NOT_FOUND
    marked = people["odile"].post("/api/messages/read", json={"message_ids": ["m1"]})
    assert marked.json() == {"marked": 0}
    assert refusal(people["maya"].put("/api/messages/m1/read")) == NOT_FOUND  # she sent it


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["NUL", "surrogate"])
def test_what_is_no_text_is_no_server_error(people: People, send: Send, text: str) -> None:
    jonas = people["jonas"]
    answers = [send(**{field: text}) for field in ("message", "to_user_id", "id")]
    kind = {"Content-Type": "application/json"}
    for method, address, body in (
        ("POST", "/api/messages/read", {"message_ids": [text]}),
        ("PUT", "/api/messages/m1/status", {"status": text}),
    ):
        content = json.dumps(body)
        answers.append(jonas.request(method, address, content=content, headers=kind))
    if text == "a\0b":  # an address has no way to spell the other
        answers.append(jonas.get("/api/messages/a%00b"))
        answers.append(jonas.put("/api/messages/a%00b/read"))
    for answer in answers:
        assert refusal(answer)[0] == 422
    assert people["jonas"].get("/api/unread").json() == {"unread": 0}


def test_what_is_out_of_range_is_no_server_error(people: People, send: Send) -> None:
    jonas = people["jonas"]
    for values in ({"max_messages": HUGE}, {"max_messages": 0}, {"before": "nonsense"}):
        assert refusal(jonas.get("/api/inbox", params=values)) == NOT_VALID
    assert refusal(jonas.get("/api/inbox?max_messages=x"))[:2] == (422, None)
    assert refusal(jonas.get(f"/api/unread?at_most=-{HUGE}")) == NOT_VALID
    assert jonas.get(f"/api/unread?at_most={HUGE}").json() == {"unread": 0}
    many = jonas.post("/api/messages/read", json={"message_ids": ["m"] * 1001})
    assert refusal(many) == NOT_VALID
    assert refusal(send(message=" ")) == refusal(send(message="x" * 10_001))
    assert refusal(send(message=" "))[:2] == (422, "23514")
    assert refusal(send(to_user_id="demo-odile"))[:2] == (422, "23503")
    assert refusal(send(message=None))[:2] == (422, None)
    send(id="m1")
    assert refusal(jonas.put("/api/messages/m1/status", json={"status": "lost"}))[:2] == (422, None)
    broken = jonas.put("/api/messages/m1/status", content=b'{"status": "\xff"}')
    assert refusal(broken)[0] in (400, 422)


def test_a_form_of_another_site_writes_nothing(people: People, send: Send) -> None:
    """What a form can send without asking the browser's leave."""
    send(id="m1")
    body = json.dumps({"message_ids": ["m1"]})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {"Content-Type": kind}
        answer = people["jonas"].post("/api/messages/read", content=body, headers=headers)
        assert refusal(answer)[0] == 422
    assert people["jonas"].post("/api/messages/m1/read").status_code == 405
    assert people["jonas"].get("/api/unread").json() == {"unread": 1}


def test_without_the_right_it_is_forbidden(demo: Database, people: People) -> None:
    change = "{} EXECUTE ON FUNCTION get_unread_count_for_user {} skill_messages_app"
    with demo.connect() as connection:
        connection.execute(change.format("REVOKE", "FROM").encode())
        try:
            answer = people["jonas"].get("/api/unread")
        finally:
            connection.execute(change.format("GRANT", "TO").encode())
    assert refusal(answer) == (403, "42501", "You may not do this.")


def test_a_server_that_is_read_only(demo: Database, tmp_path: Path, people: People) -> None:
    url = demo.conninfo("app_login") + " options='-c default_transaction_read_only=on'"
    cookies = people["maya"].cookies
    with (
        serving(url, tmp_path / "log") as address,
        httpx.Client(base_url=address, cookies=cookies) as maya,
    ):
        assert maya.get("/api/sent").status_code == 200
        new = {"to_user_id": "demo-jonas", "subject_skill_id": "demo-explain", "message": "Hello"}
        answer = refusal(maya.post("/api/messages", json=new))
    text = "Messages can only be read at the moment. Please try again later."
    assert answer == (503, "25006", text)


def test_the_hint_is_for_the_log(people: People, log: Path) -> None:
    answer = people["jonas"].get("/api/messages/only-here")
    assert refusal(answer) == NOT_FOUND
    [line] = [line for line in log.read_text().splitlines() if '"only-here"' in line]
    assert line.startswith('SM002: message_id "only-here": no such message Hint: ')
    assert len(line.partition("Hint: ")[2]) > 20


def test_openapi_shows_the_models(site: str) -> None:
    found = httpx.get(f"{site}/openapi.json").json()
    operations = {
        operation["operationId"]: operation
        for path in found["paths"].values()
        for operation in path.values()
    }
    models = {
        name: operation["responses"][code]["content"]["application/json"]["schema"]["$ref"]
        for name, operation in operations.items()
        for code in operation["responses"]
        if code.startswith("2")
    }
    expected = {
        "get_inbox": "Page",
        "get_sent": "Page",
        "get_unread_count": "Unread",
        "send_message": "Sent",
        "mark_messages_read": "Marked",
        "mark_message_read": "Read",
        "update_message_status": "Message",
        "get_message": "NamedMessage",
    }
    assert models == {name: f"#/components/schemas/{model}" for name, model in expected.items()}
    for operation in operations.values():
        assert {"401", "403", "404", "409", "422", "503"} < set(operation["responses"])
    named = found["components"]["schemas"]["NamedMessage"]["properties"]
    assert named["status"]["enum"] == ["pending", "accepted", "declined"]
    assert named["from_user_name"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
