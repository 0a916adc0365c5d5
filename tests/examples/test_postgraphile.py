"""examples/postgraphile: what the API publishes, to whom, and what nobody can do with it."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Database
from tests.node import install
from tools.server import ROOT

pytestmark = pytest.mark.node

Ask = Callable[..., Any]

ANONYMOUS = None


@pytest.fixture(scope="module")
def ask(
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
    demo: Database,
) -> Iterator[Ask]:
    """Sends a query over HTTP, by default as nobody. PostGraphile 5 takes Node 22 or newer."""
    folder = tmp_path_factory.mktemp("postgraphile")
    program = install(ROOT / "examples/postgraphile", folder, pytestconfig.cache, oldest=22)
    # A default of the login must not become the tenant of an anonymous request.
    with demo.connect() as connection:
        connection.execute("CREATE ROLE postgraphile_login LOGIN IN ROLE skill_messages_app")
        connection.execute(
            f"ALTER ROLE postgraphile_login IN DATABASE {demo.name}"
            " SET app.current_tenant_id = 'demo-harbor'".encode()
        )
        connection.execute(
            f"ALTER ROLE postgraphile_login IN DATABASE {demo.name}"
            " SET app.current_user_id = 'demo-tomas'".encode()
        )
    where = {"DATABASE_URL": demo.url("postgraphile_login"), "PORT": "0"}
    [command] = program.commands()
    server = subprocess.Popen(
        command.split(),
        cwd=program.folder,
        env=program.environment | where | {"GRAPHILE_ENV": "production"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    # Once it listens; nothing, if it could not start.
    url = server.stdout.readline().strip()

    def ask(query: str, user: str | None = ANONYMOUS) -> Any:
        headers = {"Content-Type": "application/json"}
        if user:
            headers["Authorization"] = f"Bearer token-{user}"
        request = urllib.request.Request(  # noqa: S310
            url, json.dumps({"query": query}).encode(), headers
        )
        try:
            with urllib.request.urlopen(request) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)

    yield ask
    server.terminate()
    server.communicate()
    with demo.connect() as connection:
        connection.execute("DROP ROLE postgraphile_login")


def send(ask: Ask, text: str) -> Any:
    return ask(
        "mutation { sendSkillMessage(input: {"
        'fromUserId: "demo-maya", toUserId: "demo-tomas", subjectSkillId: "demo-explain",'
        f" message: {json.dumps(text)}}}) {{ result }} }}",
        "maya",
    )


def sent(ask: Ask, text: str) -> str:
    """The id."""
    message_id: str = send(ask, text)["data"]["sendSkillMessage"]["result"]
    return message_id


def decide(ask: Ask, message_id: str, status: str, user: str | None) -> Any:
    return ask(
        "mutation { updateMessageStatus(input:"
        f' {{messageId: "{message_id}", status: "{status}"}}) {{ result {{ newStatus }} }} }}',
        user,
    )


INBOX = "{ getNamedMessagesForUserList(maxMessages: 1) { fromUserName message status } }"
TABLES = ["allSkillMessagesList", "allTenantsList", "allUsersList", "allSkillsList"]


def test_a_message_is_sent_read_and_answered_once(ask: Ask) -> None:
    message_id = sent(ask, "Hello")
    assert ask(INBOX, "tomas") == {
        "data": {
            "getNamedMessagesForUserList": [
                {"fromUserName": "Maya Okafor", "message": "Hello", "status": "pending"}
            ]
        }
    }
    decided = decide(ask, message_id, "accepted", "tomas")
    assert decided["data"]["updateMessageStatus"]["result"] == [{"newStatus": "accepted"}]
    [conflict] = decide(ask, message_id, "declined", "tomas")["errors"]
    assert conflict["message"] == f'message_id "{message_id}": already accepted or declined'
    assert conflict["extensions"] == {
        "code": "SM003",
        "hint": "A decision is final. Send a new message to propose again.",
    }


def test_users_and_tenants_are_separate(ask: Ask) -> None:
    message_id = sent(ask, "Secret")
    for user, visible in (("maya", True), ("tomas", True), ("odile", False)):
        seen = ask("{ allSkillMessagesList { message } }", user)["data"]["allSkillMessagesList"]
        assert ({"message": "Secret"} in seen) == visible, user
    [error] = decide(ask, message_id, "accepted", "odile")["errors"]
    assert error["extensions"]["code"] == "SM002"
    [error] = ask('{ getMessagesForUserList(userId: "demo-tomas") { message } }', "maya")["errors"]
    assert error["extensions"]["code"] == "42501"


def test_an_anonymous_request_is_nobody(ask: Ask) -> None:
    """Also with a token that nobody has, and although the login brings tenant and user along."""
    sent(ask, "Hello")
    for nobody in (ANONYMOUS, "nobody"):
        seen = ask(f"{{ {' '.join(f'{table} {{ rowId }}' for table in TABLES)} }}", nobody)
        assert seen == {"data": {table: [] for table in TABLES}}
        for answer in (ask(INBOX, nobody), decide(ask, "m1", "accepted", nobody)):
            [error] = answer["errors"]
            assert error["message"] == "app.current_tenant_id: no tenant in the context"
            assert error["extensions"]["code"] == "SM001"
            assert error["extensions"]["hint"]


def test_nothing_is_published_that_chooses_the_context(ask: Ask) -> None:
    schema = ask("""{ __schema {
        queryType { fields { name } } mutationType { fields { name } } types { name }
    } }""")["data"]["__schema"]
    assert sorted(field["name"] for field in schema["mutationType"]["fields"]) == [
        "markMessageRead",
        "markMessagesRead",
        "sendSkillMessage",
        "sendSkillMessages",
        "updateMessageStatus",
    ]
    # And no helper, no view of names, no totals over all tenants.
    assert sorted(field["name"] for field in schema["queryType"]["fields"]) == [
        *sorted(TABLES),
        "exportUserMessagesList",
        "getMessageStatsList",
        "getMessagesForUserList",
        "getMessagesFromUserList",
        "getNamedMessagesForUserList",
        "getNamedMessagesFromUserList",
        "getSkillMessageList",
        "getUnreadCountForUser",
        "id",
        "node",
        "query",
        "skill",
        "skillByRowIdAndTenantId",
        "skillMessage",
        "skillMessageByRowIdAndTenantId",
        "skillMessagesVersionList",
        "tenant",
        "tenantByRowId",
        "user",
        "userByRowIdAndTenantId",
    ]
    assert not [kind["name"] for kind in schema["types"] if "Context" in kind["name"]]


def test_errors_that_are_not_for_callers_stay_masked(ask: Ask) -> None:
    [error] = send(ask, "a\0b")["errors"]
    assert error["message"].startswith("An error occurred")
    assert "code" not in error["extensions"]
