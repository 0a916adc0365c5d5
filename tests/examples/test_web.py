"""The page of `make web` in a real Chromium: two people, each in a browser of their own."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

from skill_messages import SkillMessages
from tests.node import install
from tools.server import ROOT

MAYA, JONAS, PRIYA, ODILE = "Maya Okafor", "Jonas Lindqvist", "Priya Raman", "Odile Marchand"
PAGES = ("/", "/sent", "/propose", "/message?id=m1")
PHONE = {"width": 360, "height": 720}
HTML = (
    '<img src="x" onerror="alert(1)"><b>bold</b> & "quoted"\n</textarea><script>alert(2)</script>'
)

# Set it to have docs/page-*.png written anew.
SCREENSHOTS = os.environ.get("SCREENSHOTS")


@dataclass(frozen=True)
class Site:
    address: str
    database: str

    def connect(self, login: str = "app_login") -> psycopg.Connection[Any]:
        return psycopg.connect(self.database.replace("app_login", login), autocommit=True)

    def send(self, text: str, id: str = "m1", sender: str = "maya", **changes: str) -> None:
        """A message to Jonas."""
        proposal = {
            "from_user_id": f"demo-{sender}",
            "to_user_id": "demo-jonas",
            "subject_skill_id": "demo-slow-postgres",
            "proposed_parent_skill_id": "demo-pg-tuning",
        }
        with self.connect() as connection:
            client = SkillMessages(
                connection, tenant_id="demo-harbor", user_id=proposal["from_user_id"]
            )
            client.send_skill_message(message=text, id=id, **proposal | changes)


@pytest.fixture(scope="module")
def running(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """What `make web` starts, at the address that it prints; Ctrl-C stops it, pages open or not."""
    log = tmp_path_factory.mktemp("web") / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tools.web", "--port", "0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith("Ctrl-C stops"):
                break
        found = re.search(r"page: +(http:\S+)/\n.*database: +(postgresql:\S+)\n", printed)
        assert found, printed + log.read_text()
        try:
            yield Site(*found.groups())
            page = browser.new_page()
            page.goto(f"{found[1]}/sign-in")
            with page.expect_response(is_refresh):
                page.get_by_role("button", name=JONAS).click()
        finally:
            os.killpg(process.pid, signal.SIGINT)
        try:
            assert process.wait(timeout=20) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)  # it waits no longer then
            raise
    assert "Traceback" not in log.read_text()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(found[2])


@pytest.fixture
def site(running: Site) -> Site:
    """No messages but those of the test."""
    with running.connect("owner") as owner:
        owner.execute("TRUNCATE skill_messages")
    return running


@pytest.fixture
def client(site: Site) -> Iterator[SkillMessages]:
    """Jonas, not by the page."""
    with site.connect() as connection:
        yield SkillMessages(connection, tenant_id="demo-harbor", user_id="demo-jonas")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("Chromium is not installed: the page is not tested")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


@pytest.fixture
def expected() -> set[int]:
    """The statuses of failure that this test is about: Chromium's console tells each."""
    return set()


Visit = Callable[..., Page]
Form = dict[str, str | float | bool]


@pytest.fixture
def visit(browser: Browser, site: Site, expected: set[int]) -> Iterator[Visit]:
    """A browser of one's own, signed in as somebody, with the inbox open."""
    told: list[str] = []
    opened: list[BrowserContext] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            told.append(message.text)

    def visit(name: str | None, **options: Any) -> Page:
        context = browser.new_context(base_url=site.address, **options)
        context.set_default_timeout(10_000)
        opened.append(context)
        context.on("console", note)
        context.on("weberror", lambda error: told.append(str(error.error)))
        page = context.new_page()
        if name:
            page.goto("/sign-in")
            page.get_by_role("button", name=name).click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")
        return page

    yield visit
    for context in opened:
        context.close()
    failures = [re.search(r"responded with a status of (\d+)", text) for text in told]
    statuses = {int(failure[1]) for failure in failures if failure}
    assert (
        statuses,
        [text for text, failure in zip(told, failures, strict=True) if not failure],
    ) == (
        expected,
        [],
    )


def is_refresh(response: Response) -> bool:
    return response.request.resource_type == "fetch"


def up_to_date(page: Page, address: str = "/") -> Page:
    """Open it, and wait until it has heard its first news and was fetched again."""
    with page.expect_response(is_refresh):
        page.goto(address)
    page.evaluate("window.sameDocument = true")
    return page


def is_same_document(page: Page) -> bool:
    return page.evaluate("window.sameDocument") is True


def badge(page: Page, text: str) -> None:
    expect(page.get_by_role("status")).to_have_text(text)


def test_one_proposes_and_the_other_sees_it_at_once(visit: Visit) -> None:
    maya, jonas = visit(MAYA), visit(JONAS)
    up_to_date(jonas)
    expect(jonas.get_by_text("Nobody has written to you yet.")).to_be_visible()

    maya.get_by_role("link", name="Propose").click()
    expect(maya.get_by_label("To", exact=True).get_by_role("option", name=MAYA)).to_have_count(0)
    expect(maya.get_by_role("option", name=ODILE)).to_have_count(0)
    maya.get_by_label("To", exact=True).select_option(label=JONAS)
    maya.get_by_label("Skill to group").select_option(label="Making slow Postgres queries fast")
    maya.get_by_label("Under").select_option(label="PostgreSQL query tuning")
    maya.get_by_label("Message").fill("Shall I go under yours?\nOr you under mine?")
    maya.get_by_role("button", name="Send").click()
    expect(maya.get_by_role("listitem")).to_contain_text("not read yet")

    badge(jonas, "1 unread")
    expect(jonas).to_have_title("(1) Inbox · Skill messages")
    expect(jonas.get_by_role("listitem")).to_contain_text("Unread: Maya Okafor")
    expect(jonas.get_by_role("listitem")).to_contain_text(
        "Making slow Postgres queries fast under PostgreSQL query tuning"
    )
    assert is_same_document(jonas)

    up_to_date(maya, "/sent")
    jonas.get_by_role("link", name=MAYA).click()
    expect(jonas.get_by_text("Or you under mine?")).to_be_visible()
    badge(jonas, "")
    jonas.get_by_role("button", name="Accept").click()
    expect(jonas.get_by_role("button", name="Accept")).to_have_count(0)
    expect(jonas.locator(".status")).to_have_text("accepted")

    expect(maya.locator(".status")).to_have_text("accepted")
    expect(maya.get_by_role("listitem")).not_to_contain_text("not read yet")
    assert is_same_document(maya)


def test_news_goes_to_nobody_else(visit: Visit, site: Site) -> None:
    priya, jonas = up_to_date(visit(PRIYA)), up_to_date(visit(JONAS))
    fetched: list[str] = []
    priya.on("request", lambda request: fetched.append(request.url))
    site.send("Shall I go under yours?")
    badge(jonas, "1 unread")
    badge(priya, "")
    assert fetched == []


def test_a_signal_that_lies_changes_nothing(visit: Visit, site: Site) -> None:
    jonas = up_to_date(visit(JONAS))
    payload = '{"tenant_id": "demo-harbor", "user_id": "demo-jonas", "message_id": "<b>"}'
    with site.connect() as anybody, jonas.expect_response(f"{site.address}/"):
        anybody.execute("SELECT pg_notify('skill_message_sent', %s)", [payload])
    badge(jonas, "")
    expect(jonas.get_by_role("listitem")).to_have_count(0)


def test_news_of_a_time_without_a_listener_is_not_lost(visit: Visit, site: Site) -> None:
    jonas = up_to_date(visit(JONAS))
    with site.connect() as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        )
        assert ended.fetchall() == [(True,)]
    site.send("Shall I go under yours?")
    badge(jonas, "1 unread")
    assert is_same_document(jonas)


def test_a_decision_that_somebody_made_first(visit: Visit, site: Site, expected: set[int]) -> None:
    site.send("Shall I go under yours?")
    first = visit(JONAS)
    second = first.context.new_page()
    for tab in (first, second):
        up_to_date(tab, "/message?id=m1")
    first.get_by_role("button", name="Accept").click()
    expect(first.locator(".status")).to_have_text("accepted")

    expected.add(409)
    with second.expect_navigation() as navigation:
        second.get_by_role("button", name="Decline").click()
    answer = navigation.value
    assert answer
    assert answer.status == 409
    expect(second.get_by_role("alert")).to_have_text(
        "This message has already been answered. It was accepted just now, and that stands."
    )
    expect(second.locator(".status")).to_have_text("accepted")
    expect(second.get_by_role("button", name="Decline")).to_have_count(0)


def test_a_stale_tab_marks_as_read_once_more(visit: Visit, site: Site) -> None:
    site.send("Shall I go under yours?")
    first = visit(JONAS)
    second = up_to_date(first.context.new_page())
    for tab in (first, second):
        tab.get_by_role("button", name="Mark all as read").click()
        badge(tab, "")
        expect(tab.get_by_role("heading", level=1)).to_have_text("Inbox")
        expect(tab.get_by_role("button", name="Mark all as read")).to_have_count(0)


def test_exactly_what_was_on_the_screen_is_marked_as_read(visit: Visit, site: Site) -> None:
    """And all of it works without JavaScript, but for the news."""
    site.send("On the screen", "m1")
    jonas = visit(JONAS, java_script_enabled=False)
    site.send("Not there yet", "m2")
    jonas.get_by_role("button", name="Mark all as read").click()
    badge(jonas, "1 unread")
    expect(jonas.get_by_role("listitem").filter(has_text="Unread")).to_contain_text("Not there yet")


def test_pages_of_an_inbox(visit: Visit, site: Site) -> None:
    for number in range(1, 26):
        site.send(f"Message {number}", f"m{number}")
    jonas = visit(JONAS)
    badge(jonas, "25 unread")
    texts = jonas.locator(".excerpt")
    expect(texts).to_have_text([f"Message {number}" for number in range(25, 5, -1)])
    jonas.get_by_role("link", name="Older").click()
    jonas.get_by_role("button", name="Mark all as read").click()
    badge(jonas, "20 unread")
    expect(texts).to_have_text([f"Message {number}" for number in range(5, 0, -1)])
    expect(jonas.get_by_role("link", name="Older")).to_have_count(0)
    jonas.get_by_role("link", name="Newest").click()
    expect(texts).to_have_count(20)


def test_another_tenants_message_is_not_found(
    visit: Visit, site: Site, client: SkillMessages, expected: set[int]
) -> None:
    site.send("Only for Harbor")
    odile = visit(ODILE)
    expected.add(404)
    seen = []
    for address in ("/message?id=m1", "/message?id=nowhere"):
        answer = odile.goto(address)
        assert answer
        assert answer.status == 404
        expect(odile.get_by_text("There is no such message.")).to_be_visible()
        seen.append(odile.locator("main").inner_html())
    assert seen[0] == seen[1]
    token = odile.locator("[name=csrf]").get_attribute("value") or ""
    form: Form = {"csrf": token, "status": "accepted"}
    assert odile.request.post("/message?id=m1", form=form).status == 404
    assert client.get_skill_message("m1").status == "pending"


def test_whoever_is_not_signed_in_sees_the_sign_in(
    visit: Visit, site: Site, expected: set[int]
) -> None:
    site.send("Only for Jonas")
    nobody = visit(None)
    expected.add(401)
    for address in PAGES:
        answer = nobody.goto(address)
        assert answer
        assert answer.status == 401
        expect(nobody.get_by_role("heading", level=1)).to_have_text("Who are you?")
        assert "Only for Jonas" not in nobody.content()
    assert nobody.request.get("/events").status == 401


def test_signing_out_elsewhere_is_seen(visit: Visit, site: Site, expected: set[int]) -> None:
    site.send("Only for Jonas")
    first = visit(JONAS)
    second = up_to_date(first.context.new_page())
    first.get_by_role("button", name="Sign out").click()
    expect(first.get_by_role("heading", level=1)).to_have_text("Who are you?")
    expected.add(401)
    site.send("Another one", "m2")
    expect(second.get_by_role("heading", level=1)).to_have_text("Who are you?")
    assert "Only for Jonas" not in second.content()


def test_html_in_a_message_is_text(visit: Visit, site: Site, expected: set[int]) -> None:
    strange = 'a"/../<b>&c=1#?'
    site.send(HTML, strange)
    jonas, maya = visit(JONAS), visit(MAYA)
    maya.goto("/sent")
    for page in (jonas, maya):
        page.get_by_role("listitem").get_by_role("link").click()
        expect(page.locator(".text")).to_have_text(HTML, use_inner_text=True)
        assert page.locator("main img, main b, main script").count() == 0
    jonas.get_by_role("button", name="Decline").click()
    expect(jonas.locator(".status")).to_have_text("declined")

    # Typed once more, too long: the form comes back with it.
    maya.goto("/propose")
    maya.get_by_label("To", exact=True).select_option(label=JONAS)
    maya.get_by_label("Skill to group").select_option(label="Reading EXPLAIN plans")
    maya.get_by_label("Message").fill(HTML + "x" * 10_000)
    expected.add(422)
    maya.get_by_role("button", name="Send").click()
    expect(maya.get_by_role("alert")).to_have_text(
        "Please write a message of 1 to 10,000 characters."
    )
    expect(maya.get_by_label("Message")).to_have_value(HTML + "x" * 10_000)
    expect(maya.get_by_label("To", exact=True)).to_have_value("demo-jonas")
    maya.get_by_label("Message").fill("Shorter")
    maya.get_by_role("button", name="Send").click()
    expect(maya.get_by_role("listitem").first).to_contain_text("Shorter")


def test_a_form_that_is_sent_twice_is_one_message(visit: Visit, client: SkillMessages) -> None:
    maya = visit(MAYA)
    maya.goto("/propose")
    form: Form = {
        name: maya.locator(f".propose [name={name}]").get_attribute("value") or ""
        for name in ("csrf", "id")
    }
    typed: Form = {
        "to_user_id": "demo-jonas",
        "subject_skill_id": "demo-explain",
        "message": "Once",
    }
    for _ in range(2):
        assert maya.request.post("/propose", form=form | typed).ok
    assert client.get_unread_count_for_user() == 1


def test_a_form_of_another_site_changes_nothing(
    visit: Visit, site: Site, client: SkillMessages
) -> None:
    site.send("Shall I go under yours?")
    jonas = visit(JONAS)
    forms: dict[str, Form] = {
        "/message?id=m1": {"status": "accepted"},
        "/read": {"message_ids": "m1"},
        "/propose": {
            "to_user_id": "demo-maya",
            "subject_skill_id": "demo-explain",
            "message": "Forged",
        },
        "/sign-in": {"tenant_id": "demo-harbor", "user_id": "demo-priya"},
        "/sign-out": {},
    }
    for address, form in forms.items():
        tokens: tuple[Form, ...] = ({}, {"csrf": ""}, {"csrf": "guessed"})
        for token in tokens:
            assert jonas.request.post(address, form=form | token).status == 403
    message = client.get_skill_message("m1")
    assert (message.status, message.read_at) == ("pending", None)
    assert client.get_messages_from_user() == []
    jonas.reload()
    expect(jonas.get_by_text(JONAS)).to_be_visible()


def test_headers_and_cookie(visit: Visit) -> None:
    jonas = visit(JONAS)
    for address in ("/", "/api/inbox", "/static/style.css", "/nowhere"):
        headers = jonas.request.get(address).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
            assert part in policy.split("; ")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert jonas.request.get("/").headers["cache-control"] == "no-store"
    [cookie] = jonas.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"


def test_with_the_keyboard_alone(visit: Visit, site: Site) -> None:
    def reach(name: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            assert focused.evaluate(
                "e => getComputedStyle(e).outlineStyle !== 'none'"
                " || getComputedStyle(e, '::after').outlineStyle !== 'none'"
            )
            if name in focused.inner_text():
                page.keyboard.press("Enter")
                return
        raise AssertionError(f"{name} cannot be reached")

    site.send("Shall I go under yours?")
    page = visit(None)
    page.goto("/sign-in")
    with page.expect_response(is_refresh):
        reach(JONAS)
    reach("Skip to the content")
    expect(page.get_by_role("main")).to_be_focused()
    reach(MAYA)
    expect(page.get_by_role("heading", level=1)).to_have_text("Maya Okafor proposes")
    reach("Accept")
    expect(page.locator(".status")).to_have_text("accepted")


def test_focus_stays_while_the_inbox_changes(visit: Visit, site: Site) -> None:
    site.send("The first", "m1")
    jonas = up_to_date(visit(JONAS))
    link = jonas.get_by_role("link", name=MAYA)
    link.focus()
    site.send("The second", "m2")
    expect(link).to_have_count(2)
    expect(link.nth(1)).to_be_focused()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> str:
    folder = tmp_path_factory.mktemp("axe")
    install(ROOT / "tests/examples/axe", folder, pytestconfig.cache)
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(
    visit: Visit, site: Site, client: SkillMessages, axe: str, expected: set[int], scheme: str
) -> None:
    site.send("Read and declined", "m0")
    client.update_message_status("m0", "declined")
    site.send("Shall I go under yours?")
    site.send("Another one", "m2")
    jonas, nobody = (visit(name, color_scheme=scheme) for name in (JONAS, None))
    expected.update((401, 404, 409))

    def check(page: Page, what: str) -> None:
        page.evaluate(axe)  # not a script of the page, which its policy forbids
        found = page.evaluate("axe.run()")
        assert len(found["passes"]) > 10
        bad = [
            (what, violation["id"], [node["html"] for node in violation["nodes"]])
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        assert bad == []

    for address in (*PAGES, "/message?id=nowhere"):
        jonas.goto(address)
        check(jonas, address)
    nobody.goto("/")
    check(nobody, "sign-in")
    up_to_date(jonas, "/message?id=m2")
    client.update_message_status("m2", "accepted")
    jonas.get_by_role("button", name="Decline").click()
    expect(jonas.get_by_role("alert")).to_be_visible()
    check(jonas, "conflict")


def test_nothing_is_wider_than_a_phone(visit: Visit, site: Site) -> None:
    site.send("x" * 300)
    jonas = visit(JONAS, viewport=PHONE, has_touch=True)
    nobody = visit(None, viewport=PHONE)
    nobody.goto("/sign-in")
    widths = [nobody.evaluate("document.documentElement.scrollWidth")]
    for address in PAGES:
        jonas.goto(address)
        widths.append(jonas.evaluate("document.documentElement.scrollWidth"))
    assert widths == [PHONE["width"]] * 5


def test_screenshots(visit: Visit, site: Site, client: SkillMessages, tmp_path: Path) -> None:
    """Those of the documentation."""
    site.send("Mine repeats what yours says on indexes. Shall I go under yours?", "m0")
    client.mark_message_read("m0")
    client.update_message_status("m0", "accepted")
    site.send(
        "Plans are half of tuning, so both of us explain how to read them. May I group mine"
        " under yours?\n\nYour part on statistics would come first, and mine would follow it.",
        sender="tomas",
        subject_skill_id="demo-explain",
    )
    site.send(
        "We both wrote about messy files. One group?",
        "m2",
        sender="priya",
        subject_skill_id="demo-csv-tidy",
        proposed_parent_skill_id="demo-csv-clean",
    )
    folder = ROOT / "docs" if SCREENSHOTS else tmp_path
    jonas = up_to_date(
        visit(JONAS, viewport={"width": 820, "height": 400}, device_scale_factor=1.5)
    )
    for name, address in (("inbox", "/"), ("message", "/message?id=m1")):
        jonas.goto(address)
        file = folder / f"page-{name}.png"
        jonas.screenshot(path=file, full_page=True)
        assert 20_000 < file.stat().st_size < 150_000
