"""From one release to the next and back, on a copy whose next release is made on the fly."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from packaging.version import Version

import skill_messages
from skill_messages import SkillMessages
from tests.conftest import TENANTS, Database, dump, script, wait_until
from tools import released
from tools.onefile import onefile, parse
from tools.server import DEPLOYER, ROOT, sqitch_command

CHANGES, TAGS = parse((ROOT / "sqitch.plan").read_text())
PRESENT = TAGS[-1].removesuffix("-dev")
NEXT = re.sub(r"\.(\d+)\.\d+$", lambda minor: f".{int(minor[1]) + 1}.0", PRESENT)

VERSION = "monitoring/skill_messages_version"
NAMES = [name for name, _ in CHANGES]
PLACE = len(NAMES) - 1 - NAMES[::-1].index(VERSION)
LAST = NAMES[PLACE - 1]

COUNT, STATS = "operations/get_unread_count_for_user", "monitoring/get_message_stats"

LOCK = "CALL skill_messages_private.begin_change();\n\n"
MESSAGES = "\\if :{?messages}\n\\else\n\\set messages ''\n\\endif\n\n"
BEGIN = "BEGIN;\n\nSET LOCAL search_path = pg_catalog, pg_temp;\n"

# What docs/releasing.md says how to write.
BLOCKS = {
    name: re.sub("^   ", "", text, flags=re.MULTILINE)
    for name, text in re.findall(
        r"^ *```sql (\w+/\S+)\n(.*?)^ *```$",
        (ROOT / "docs/releasing.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
}


def run(
    project: Path, command: str, target: str, *options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        **sqitch_command(command, target, *options) | {"cwd": project},
        capture_output=True,
        text=True,
        check=False,
    )


def succeeds(project: Path, command: str, target: str, *options: str) -> None:
    done = run(project, command, target, *options)
    assert done.returncode == 0, done.stdout + done.stderr


def guide(project: Path, database: Database, words: str) -> None:
    """Run the command of docs/operating.md, "Upgrading", that has these words."""
    section = (ROOT / "docs/operating.md").read_text().partition("\n## Upgrading\n")[2]
    commands = re.findall(r"^\$ sqitch (.*)$", section.partition("\n## ")[0], re.MULTILINE)
    (found,) = (command for command in commands if words in command)
    command, *options, target = shlex.split(found.replace("@v1.0.0", PRESENT))
    assert target == "db:pg://app_owner@/app"
    succeeds(project, command, database.target, *options)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new))


@pytest.fixture
def present(tmp_path: Path) -> Path:
    """A copy of the project, with the present release tagged."""
    project = tmp_path / "present"
    for name in ("deploy", "revert", "verify"):
        shutil.copytree(ROOT / name, project / name)
    for name in ("sqitch.plan", "sqitch.conf"):
        shutil.copy(ROOT / name, project)
    edit(project / "sqitch.plan", f"\n{TAGS[-1]} ", f"\n{PRESENT} ")
    edit(project / f"deploy/{VERSION}.sql", f"'{TAGS[-1][2:]}'", f"'{PRESENT[2:]}'")
    return project


@pytest.fixture
def following(present: Path) -> Path:
    """A copy of that, with the next release."""
    project = present.with_name("following")
    shutil.copytree(present, project)
    release_next(project)
    return project


def rework(project: Path, change: str, old: str, new: str) -> None:
    """By Sqitch, whose revert script, a copy of the deploy script before, stays as it is."""
    succeeds(project, "rework", change, "--note", "Next.")
    edit(project / f"deploy/{change}.sql", old, new)


def add(project: Path, change: str, deploy: str, revert: str, verify: str) -> None:
    for kind, text in (("deploy", deploy), ("revert", revert), ("verify", verify)):
        (project / kind / f"{change}.sql").write_text(text)
    succeeds(project, "add", change, "--note", "New.")


def transaction(statements: str) -> str:
    asked = MESSAGES if ":'messages'" in statements else ""
    return f"{LOCK}{asked}{BEGIN}\n{statements}\nCOMMIT;\n"


def release_next(project: Path) -> None:
    """A new column and a new operation that writes it; reworks of what they touch, and of more."""
    last = "'skill_messages_version()',"
    rework(project, "preflight", last, f"'archive_skill_message(text)', {last}")

    guard = "skill_messages_private.check_archived_at(text)"
    add(
        project,
        "private/check_archived_at",
        transaction(
            BLOCKS["deploy/private/check_archived_at"]
            + f"COMMENT ON PROCEDURE {guard} IS 'Raises if a revert would lose archived_at.';"
            f"CALL skill_messages_private.revoke_from_all('{guard}');"
        ),
        transaction(f"DROP PROCEDURE IF EXISTS {guard};"),
        "SELECT skill_messages_private.verify_function("
        f"'{guard}', 'IN messages text', NULL, '{{}}');",
    )

    add(
        project,
        "tables/archived_at",
        transaction("""
            CALL skill_messages_private.short_locks(
                'ALTER TABLE public.skill_messages '
                'ADD COLUMN IF NOT EXISTS archived_at timestamptz'
            );
            COMMENT ON COLUMN public.skill_messages.archived_at IS 'When it was put aside.';
        """),
        transaction(BLOCKS["revert/tables/archived_at"]),
        "SELECT archived_at FROM public.skill_messages WHERE false;",
    )

    for change in ("isolation/tenant_isolation", "isolation/user_isolation"):
        writable = ("UPDATE (status, read_at)", "UPDATE (archived_at, status, read_at)")
        rework(project, change, *writable)
        edit(project / f"verify/{change}.sql", writable[0], "UPDATE (status, read_at, archived_at)")

    archive, like = "operations/archive_skill_message", "operations/mark_message_read"
    names = {"mark_message_read": "archive_skill_message", "read_at": "archived_at"}
    deploy, revert, verify = (
        re.sub("|".join(names), lambda name: names[name[0]], (project / file).read_text())
        for file in (f"{kind}/{like}.sql" for kind in ("deploy", "revert", "verify"))
    )
    add(project, archive, deploy, revert, verify)

    rework(project, COUNT, "RETURN v_unread;", "RETURN greatest(v_unread, 0);")

    rework(project, VERSION, f"'{PRESENT[2:]}'", f"'{NEXT[2:]}'")
    edit(project / f"deploy/{VERSION}.sql", f"'{LAST}'", f"'{COUNT}'")
    edit(project / f"revert/{VERSION}.sql", BEGIN, BLOCKS[f"revert/{VERSION}"])
    succeeds(project, "tag", NEXT[1:], "--note", "Next.")


def version(database: Database) -> tuple[Any, ...] | None:
    with database.connect() as connection:
        return connection.execute("SELECT * FROM skill_messages_version()").fetchone()


def signatures(database: Database) -> set[tuple[str, str, str | None]]:
    query = """
        SELECT proname, pg_get_function_arguments(oid), pg_get_function_result(oid)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """
    with database.connect() as connection:
        return set(connection.execute(query))


def decided(database: Database) -> set[tuple[Any, ...]]:
    """The messages that nothing changes any more, as the present release has them."""
    query = """
        SELECT id, tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id,
            message, status, created_at, read_at, answered_at
        FROM skill_messages WHERE status <> 'pending'
    """
    with database.connect() as connection:
        return set(connection.execute(query))


def connect_as(database: Database, role: str) -> psycopg.Connection[Any]:
    return database.connect(options=f"-c role=skill_messages_{role}")


def main_operations(ann: SkillMessages, bob: SkillMessages) -> None:
    """What an application does all day."""
    sent = ann.send_skill_message("ann", "bob", "sql", "Shall I?", "postgres")
    assert bob.get_unread_count_for_user() >= 1
    assert bob.get_unread_count_for_user(at_most=1) == 1
    assert sent in [message.id for message in bob.get_messages_for_user("bob")]
    assert sent in [message.id for message in ann.get_messages_from_user("ann")]
    assert bob.get_skill_message(sent).message == "Shall I?"
    read_at = bob.mark_message_read(sent)
    assert bob.update_message_status(sent, "accepted").read_at == read_at
    (left,) = ann.send_skill_messages(
        [{"from_user_id": "ann", "to_user_id": "bob", "subject_skill_id": "sql", "message": "?"}]
    )
    assert bob.mark_messages_read(message_ids=[left]) == 1
    assert bob.get_message_stats().accepted >= 1


@contextmanager
def traffic(database: Database) -> Iterator[Callable[[], None]]:
    """The present client, as both roles, with plans that the server keeps and without.

    Yields what waits until each has done some more; raises what any of them raised.
    """
    stop = Event()
    done = [0, 0, 0, 0]

    def work(place: int) -> None:
        role, prepare = ("service", "app")[place % 2], place < 2
        with connect_as(database, role) as connection:
            ann, bob = (
                SkillMessages(connection, tenant_id="acme", user_id=user_id, prepare=prepare)
                for user_id in ("ann", "bob")
            )
            while not stop.wait(0.01):
                main_operations(ann, bob)
                done[place] += 1

    def some_more() -> None:
        before = list(done)

        def all_went_on() -> bool:
            for worker in workers:
                if worker.done():
                    worker.result()
            return all(now > then + 2 for now, then in zip(done, before, strict=True))

        wait_until(all_went_on)

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work, place) for place in range(4)]
        try:
            some_more()
            yield some_more
        finally:
            stop.set()
        for worker in workers:
            worker.result()


def test_upgrade_and_back_under_traffic(empty: Database, present: Path, following: Path) -> None:
    nothing = dump(empty)
    kept: set[Any] = set()
    for tag in [*TAGS[:-1], PRESENT]:
        succeeds(following, "deploy", empty.target, "--to", tag)
        assert kept <= signatures(empty), f"{tag} changed a signature"
        kept = signatures(empty)
    assert version(empty) == (PRESENT[2:], LAST)
    with empty.connect() as connection:
        connection.execute(TENANTS)
    before_that = dump(empty, "--schema-only")

    with traffic(empty) as some_more:
        before = decided(empty)
        guide(following, empty, "deploy --verify")
        some_more()
        assert kept < signatures(empty)
        assert version(empty) == (NEXT[2:], COUNT)
        succeeds(following, "verify", empty.target)
        with connect_as(empty, "service") as service, connect_as(empty, "retention") as retention:
            assert SkillMessages(service, tenant_id="acme").export_user_messages("cy") == []
            erased = SkillMessages(retention, tenant_id="acme").erase_user_messages("cy")
            assert (erased.deleted, erased.erased) == (0, 0)
        upgraded = dump(empty, "--schema-only")
        assert any("greatest(v_unread, 0)" in line for line in upgraded)
        assert any("archived_at timestamp with time zone" in line for line in upgraded)
        assert before <= decided(empty)

        # Not without saying so, and not with what it would lose; nothing is undone then.
        back = ["revert", empty.target, "-y", "--to", PRESENT]
        assert "this revert would lose" in run(following, *back).stderr
        with connect_as(empty, "app") as connection:
            query = "SELECT archive_skill_message(%s) FROM set_skill_message_context('acme', 'bob')"
            connection.execute(query, [min(before)[0]])
        keep = ["--set", "messages=keep"]
        assert "would lose archived_at of some messages" in run(following, *back, *keep).stderr
        assert dump(empty, "--schema-only") == upgraded
        with empty.connect() as connection:
            connection.execute(
                "UPDATE skill_messages SET archived_at = NULL WHERE archived_at < now()"
            )

        before = decided(empty)
        guide(following, empty, "messages=keep")
        some_more()
        assert dump(empty, "--schema-only") == before_that
        succeeds(present, "verify", empty.target)
        assert before <= decided(empty)

    # There again, and back to nothing: the guard comes first.
    succeeds(following, "deploy", empty.target)
    assert dump(empty, "--schema-only") == upgraded
    assert "this revert would lose" in run(following, "revert", empty.target, "-y").stderr
    assert dump(empty, "--schema-only") == upgraded
    succeeds(following, "revert", empty.target, "-y", "--set", "messages=discard")
    assert dump(empty) == nothing


def test_from_the_one_file_to_the_next_release(
    host: Database, present: Path, following: Path
) -> None:
    nothing = dump(host)
    with host.connect(DEPLOYER) as connection:
        connection.execute(onefile(present).encode())
    assert version(host) == (PRESENT[2:], LAST)

    guide(following, host, "--log-only")
    guide(following, host, "deploy --verify")
    succeeds(following, "verify", host.target)
    by_sqitch, told = dump(host), version(host)
    assert told == (NEXT[2:], COUNT)
    succeeds(following, "revert", host.target, "-y")
    assert dump(host) == nothing

    with host.connect(DEPLOYER) as connection:
        connection.execute(onefile(following).encode())
    assert (dump(host), version(host)) == (by_sqitch, told)
    succeeds(following, "deploy", host.target, "--log-only", "--no-verify")
    succeeds(following, "verify", host.target)
    succeeds(following, "revert", host.target, "-y")


def test_the_release_is_told_as_in_the_plan_and_the_package(deployed: Database) -> None:
    assert CHANGES[PLACE][1][-1:] == TAGS[-1:]
    assert version(deployed) == (TAGS[-1].removeprefix("@v"), LAST)
    assert Version(skill_messages.__version__) == Version(TAGS[-1].removeprefix("@v"))


def test_released_scripts_are_as_they_were_released() -> None:
    assert released.releases() == released.noted()


def test_an_edited_script_of_a_release_is_noticed(present: Path, following: Path) -> None:
    """And a rework is not taken for one."""
    tag = PRESENT.removeprefix("@")
    released.note(present)
    first = released.noted(present)[tag]
    assert first.count("  deploy/") == len(NAMES)
    assert released.releases(following)[tag] == first

    edit(present / "sqitch.plan", "Fresh ids", "Newer ids")
    edit(present / "revert/roles.sql", "BEGIN;", "BEGIN; ")
    edit(following / f"deploy/{COUNT}{PRESENT}.sql", "RETURN v_unread;", "RETURN 1;")
    for project, others in ((present, 2), (following, 1)):
        lines = set(released.releases(project)[tag].splitlines())
        assert len(lines - set(first.splitlines())) == others
    released.note(present)
    assert released.noted(present)[tag] == first


GRANT = """
GRANT EXECUTE ON FUNCTION public.get_unread_count_for_user(text, bigint)
TO skill_messages_service, skill_messages_app;
"""
ARGUMENTS = "    user_id text DEFAULT NULL,\n    at_most"


@pytest.mark.parametrize(
    ("change", "old", "new", "complaint"),
    [
        (COUNT, ARGUMENTS, f"    more text DEFAULT NULL,\n{ARGUMENTS}", "another one of this name"),
        (COUNT, "at_most bigint", "at_most integer", "another one of this name"),
        (COUNT, "at_most", "no_more_than", "cannot change name of input parameter"),
        (COUNT, "text DEFAULT NULL,", "text,", "cannot remove parameter defaults"),
        (COUNT, ") RETURNS bigint", ") RETURNS integer", "cannot change return type"),
        (COUNT, GRANT, "", "who may execute it"),
        (STATS, "pending bigint", "more bigint, pending bigint", "cannot change return type"),
    ],
)
def test_a_rework_that_breaks_callers_is_refused(
    deployed: Database, change: str, old: str, new: str, complaint: str
) -> None:
    """By the server or by verify, before a test compares anything."""
    text = script("deploy", change)
    assert old in text
    both = text.replace(old, new) + script("verify", change)
    with deployed.connect(DEPLOYER) as connection, pytest.raises(psycopg.Error, match=complaint):
        connection.execute(both.encode())
