"""The Django example: its README's commands, real HTTP, and its views."""

import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from typing import Any

import psycopg
import pytest
from testing.common.database import get_unused_port

from skill_messages import ContextMissingError, SkillMessages
from tests.conftest import wait_for_port
from tests.examples.conftest import Example, copied
from tools.server import Server


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """Deployed by the commands of its README, less the last one, which serves; and set up here."""
    with Server() as server, pytest.MonkeyPatch.context() as patch:
        example = copied("django", tmp_path_factory.mktemp("examples"), server)
        for command in example.commands()[:-1]:
            example.run(command)

        for name in ("PGHOST", "PGPORT"):
            patch.setenv(name, example.environment[name])
        patch.setenv("DJANGO_SETTINGS_MODULE", "inbox.settings")
        patch.syspath_prepend(str(example.folder))
        import django
        from django.db import connections

        django.setup()
        yield example
        connections.close_all()


@pytest.fixture(autouse=True)
def messages(example: Example) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection; there are no messages afterwards."""
    conninfo = example.server.conninfo("proposals")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection
        connection.execute("TRUNCATE skill_messages; UPDATE skills SET parent_id = NULL")


@pytest.fixture
def browser() -> Callable[[str], Any]:
    """Makes a client for somebody who is signed in."""
    from django.test import Client
    from inbox.models import User

    def browser(user_id: str) -> Any:
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.get(pk=user_id))
        return client

    return browser


@pytest.fixture
def acting() -> Callable[..., Any]:
    """Runs a function of a client as a view of somebody who is signed in."""
    from django.test import RequestFactory
    from inbox.acting import as_signed_in_user
    from inbox.models import User

    def acting(user_id: str, function: Callable[[SkillMessages], Any]) -> Any:
        request = RequestFactory().get("/")
        request.user = User.objects.get(pk=user_id)
        return as_signed_in_user(lambda _, client: function(client))(request)

    return acting


PROPOSAL = {
    "to_user_id": "jonas",
    "subject_skill_id": "slow-postgres",
    "proposed_parent_skill_id": "explain",
    "message": "Shall I go under yours?",
}


def sent(browser: Callable[[str], Any], **changed: str) -> Any:
    return browser("maya").post("/send", PROPOSAL | changed)


def only_id(messages: psycopg.Connection[Any]) -> str:
    [(message_id,)] = messages.execute("SELECT id FROM skill_messages").fetchall()
    return str(message_id)


def test_it_starts_as_the_readme_says(example: Example) -> None:
    """And somebody signs in, with cookie and CSRF token."""
    port = get_unused_port()
    serve = example.commands()[-1].split()
    assert serve == ["python", "manage.py", "runserver"]
    with subprocess.Popen(
        [sys.executable, *serve[1:], "--noreload", str(port)],
        cwd=example.folder,
        env=example.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            wait_for_port(port, process)
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            login = opener.open(f"http://127.0.0.1:{port}/").read().decode()
            assert "<title>Sign in</title>" in login
            [token] = re.findall(r'name="csrfmiddlewaretoken" value="(.+?)"', login)
            form = {"csrfmiddlewaretoken": token, "username": "maya", "password": "demo"}
            data = urllib.parse.urlencode(form).encode()
            inbox = opener.open(f"http://127.0.0.1:{port}/login", data).read().decode()
            assert "<title>Inbox</title>" in inbox
            assert "Maya Okafor" in inbox
        finally:
            process.terminate()


def test_propose_read_and_accept(browser: Any, messages: psycopg.Connection[Any]) -> None:
    assert sent(browser).status_code == 302
    assert "To jonas: Shall I go under yours?" in browser("maya").get("/").content.decode()
    assert "Maya Okafor about Making slow Postgres queries fast: Shall I go under yours? (pend" in (
        browser("jonas").get("/").content.decode()
    )

    form = {"message_id": only_id(messages), "status": "accepted"}
    assert browser("jonas").post("/answer", form).status_code == 302
    parents = messages.execute("SELECT id, parent_id FROM skills WHERE parent_id IS NOT NULL")
    assert parents.fetchall() == [("slow-postgres", "explain")]

    # The transaction is usable after the error: the view reads the message once more.
    again = browser("jonas").post("/answer", form | {"status": "declined"})
    assert again.status_code == 409
    assert again.content.decode() == "This message has already been answered. It is accepted."


def test_pages(browser: Any) -> None:
    for number in range(21):
        sent(browser, message=f"Number {number}.")
    first = browser("jonas").get("/").content.decode()
    [link] = re.findall(r'href="(\?before=.+?)"', first)
    texts = re.findall(r"Number \d+", first + browser("jonas").get(f"/{link}").content.decode())
    assert texts == [f"Number {number}" for number in reversed(range(21))]
    assert browser("jonas").get("/?before=nonsense").status_code == 422


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"message": " "}, 422),
        ({"message": "NUL \0"}, 422),
        ({"message": "x" * 10_001}, 422),
        ({"to_user_id": "odile"}, 422),
        ({"subject_skill_id": "starter"}, 422),
    ],
)
def test_what_is_refused(
    browser: Any, messages: psycopg.Connection[Any], changed: dict[str, str], status: int
) -> None:
    refused = sent(browser, **changed)
    assert refused.status_code == status
    assert refused.content.decode().endswith(".")
    assert messages.execute("SELECT FROM skill_messages").rowcount == 0


def test_another_tenant_or_user_finds_nothing(
    browser: Any, messages: psycopg.Connection[Any]
) -> None:
    sent(browser)
    form = {"message_id": only_id(messages), "status": "accepted"}
    for user_id in ("odile", "maya"):
        answered = browser(user_id).post("/answer", form)
        assert (answered.status_code, answered.content) == (404, b"There is no such message.")
    assert "No messages." in browser("odile").get("/").content.decode()


def test_nobody_is_sent_to_the_login() -> None:
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    for path, method in (("/", client.get), ("/send", client.post), ("/answer", client.post)):
        assert method(path)["Location"] == f"/login?next={path}"


def test_forgotten_context(browser: Any) -> None:
    """The models show nothing, and the functions say what is missing."""
    from django.db import DatabaseError, connection
    from inbox.models import SkillMessage

    sent(browser)
    assert SkillMessage.objects.count() == 0
    with connection.cursor() as cursor:
        with pytest.raises(DatabaseError) as raised:
            cursor.execute("SELECT * FROM get_messages_for_user('jonas')")
        cause = raised.value.__cause__
        assert isinstance(cause, psycopg.Error)
        assert cause.sqlstate == "SM001"
        assert "set_skill_message_context" in (cause.diag.message_hint or "")
    with pytest.raises(ContextMissingError):
        SkillMessages(connection.connection, tenant_id="harbor").get_messages_for_user("jonas")


def test_errors_of_djangos_own_statements(browser: Any, acting: Any) -> None:
    from django.db import DatabaseError, IntegrityError, transaction
    from inbox.models import SkillMessage, User

    sent(browser)
    mine = SkillMessage.objects.all()

    def view(client: SkillMessages) -> list[Any]:
        client.update_message_status(mine.get().pk, "accepted")
        found: list[Any] = []
        changes: list[Callable[[], object]] = [
            lambda: mine.update(status="declined"),
            lambda: User.objects.filter(pk="maya").delete(),
        ]
        for change in changes:
            with pytest.raises(DatabaseError) as raised, transaction.atomic():
                change()
            cause = raised.value.__cause__
            assert isinstance(cause, psycopg.Error)
            integrity = isinstance(raised.value, IntegrityError)
            found.append((integrity, cause.sqlstate, cause.diag.message_hint is not None))
        return [*found, mine.get().status]

    assert acting("jonas", view) == [(False, "SM003", True), (True, "23503", False), "accepted"]


def test_a_view_that_fails_leaves_nothing(acting: Any, messages: psycopg.Connection[Any]) -> None:
    def view(client: SkillMessages) -> None:
        client.send_skill_message("maya", "jonas", "explain", "Hello")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        acting("maya", view)
    assert messages.execute("SELECT FROM skill_messages").rowcount == 0


def test_it_is_deployed_as_the_package_has_it(example: Example) -> None:
    example.check("'user=proposals dbname=proposals'")


def test_the_models_fit_the_migrations(example: Example) -> None:
    assert "No changes" in example.run("python manage.py makemigrations --check --dry-run")


def test_the_read_model_has_the_columns_of_the_table(
    messages: psycopg.Connection[Any],
) -> None:
    from inbox.models import SkillMessage

    cursor = messages.execute("SELECT * FROM skill_messages")
    assert cursor.description
    columns = [field.column for field in SkillMessage._meta.concrete_fields]
    assert columns == [column.name for column in cursor.description]


def test_the_migration_is_all_or_nothing_and_not_reversible(example: Example) -> None:
    back = example.run("python manage.py migrate inbox 0001", fails=True)
    assert "IrreversibleError" in back

    file = example.folder / "inbox" / "migrations" / "0002_skill_messages.py"
    text = file.read_text()
    try:
        file.write_text(text.replace("GRANT skill_messages_app TO CURRENT_USER", "SELECT 1 / 0"))
        example.run("createdb --owner=proposals broken")
        settings = 'sed s/\'"NAME": "proposals"/"NAME": "broken"/\' inbox/settings.py'
        example.run(f"{settings} > inbox/broken.py")
        failed = "python manage.py migrate --settings=inbox.broken"
        assert "division by zero" in example.run(failed, fails=True)
    finally:
        file.write_text(text)
    with psycopg.connect(example.server.conninfo("broken")) as connection:
        left = connection.execute("SELECT FROM pg_namespace WHERE nspname ~ 'skill_messages'")
        assert left.rowcount == 0
        assert connection.execute("SELECT to_regclass('skill_messages')").fetchone() == (None,)
        assert connection.execute("SELECT to_regclass('users')").fetchone() == ("users",)
