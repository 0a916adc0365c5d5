"""docs/moving-in.md on a host such as the live one: every block that names who runs it is run."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import errors

from tests.conftest import Database
from tools.server import DEPLOYER, ROOT, deploy, sqitch

BLOCK = re.compile(r"^```(sql|console) (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDE = (ROOT / "docs/moving-in.md").read_text()

SERVICE = b"CREATE ROLE live_service LOGIN IN ROLE skill_messages_service"


@pytest.fixture
def live(empty: Database) -> Iterator[Database]:
    """The live host; the package is not deployed yet."""
    with empty.connect(DEPLOYER) as owner:
        owner.execute((ROOT / "tests/hosts/live.sql").read_bytes())
    yield empty
    with empty.connect() as superuser:
        for role in ("app_retention", "live_service", "app_backup"):
            if superuser.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
                superuser.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def blocks() -> list[tuple[str, str, str]]:
    """Language, who runs it, text: in the order of the guide, with the names of this test."""
    return [
        (language, who, text.replace("app_owner", DEPLOYER))
        for language, who, text in BLOCK.findall(GUIDE)
    ]


def run_sql(database: Database, who: str, text: str) -> list[tuple[object, ...]]:
    options = "-c app.current_tenant_id=default" if who == "startup" else ""
    user = {
        "owner": DEPLOYER,
        "startup": DEPLOYER,
        "retention": "app_retention",
        "superuser": "postgres",
    }[who]
    text = text.replace("DATABASE app", f"DATABASE {database.name}")
    with database.connect(user, options=options) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


SEND = """
BEGIN;
SELECT set_skill_message_context('t2');
SELECT send_skill_message('u1', 'u3', 's1', 'Mine under yours?', 's3', 'decided');
SELECT send_skill_message('u3', 'u1', 's3', 'Yours under mine?', 's1');
SELECT mark_message_read('decided'), update_message_status('decided', 'accepted');
COMMIT;
BEGIN;
SELECT set_skill_message_context('t1');
SELECT send_skill_message('u2', 'u4', 's2', 'Shall we?');
COMMIT;
"""


OUR_KEYS = r'"skill_messages_(from|to)_user_id_fkey"'


def send_messages(database: Database) -> None:
    """What keeps a user where it is, until its messages are erased."""
    with database.connect(DEPLOYER) as owner:
        owner.execute(SEND.encode())
        for statement in ("UPDATE users SET tenant_id = 't1'", "DELETE FROM users"):
            with pytest.raises(errors.ForeignKeyViolation, match=OUR_KEYS):
                owner.execute(f"{statement} WHERE id = 'u1'".encode())


def test_every_step_of_the_guide(live: Database, tmp_path: Path) -> None:
    steps = blocks()
    for number, (language, who, text) in enumerate(steps):
        if who == "deploy":
            deploy(live.target)
        elif who == "backup":
            assert text.startswith("$ pg_dump --file=app.sql ")
            command = ["pg_dump", "--file=app.sql", live.conninfo("app_backup")]
            subprocess.run(command, check=True, cwd=tmp_path)
            dumped = (tmp_path / "app.sql").read_text()
            assert "COPY public.skill_messages" in dumped
        else:
            assert language == "sql"
            if "erase_user_messages" in text:
                send_messages(live)
            rows = run_sql(live, who, text)
            if "hidden_names" in text:
                to_grant = steps[number + 1][2].strip().split("\n")
                assert sorted(f"{statement};" for (statement,) in rows) == sorted(to_grant)

    assert {who for _, who, _ in steps} == {
        *("owner", "deploy", "startup", "superuser", "backup", "retention")
    }
    with live.connect() as superuser:
        assert superuser.execute("SELECT FROM skill_messages").rowcount == 0
        assert superuser.execute("SELECT FROM users WHERE tenant_id = 't1'").rowcount == 0
        assert superuser.execute("SELECT FROM tenants WHERE id = 't1'").rowcount == 0
        # Deploy used the indexes of step 2.
        ours = superuser.execute("SELECT FROM pg_class WHERE relname LIKE '%skill_messages_key'")
        assert ours.rowcount == 0


def test_hidden_names_are_told_and_the_hint_helps(live: Database) -> None:
    """Under a RESTRICTIVE policy alone the names are null, silently; deploy and verify say so."""
    deploy(live.target)
    with live.connect() as superuser:
        superuser.execute(SERVICE)
    with live.connect(DEPLOYER) as owner:
        owner.execute(
            "DROP POLICY tenant_isolation ON users;"
            "CREATE POLICY tenant_isolation ON users AS RESTRICTIVE USING (tenant_id = "
            "current_setting('app.current_tenant_id', true))"
        )
        owner.execute(f"GRANT skill_messages_service TO {DEPLOYER}".encode())
        statements = owner.execute("SELECT skill_messages_private.hidden_names()").fetchall()
        assert len(statements) == 4
        assert "CREATE POLICY skill_messages_names ON public.users FOR SELECT" in str(statements)
        verified = sqitch("verify", live.target)
        assert verified.returncode == 0
        assert "names of the host are hidden" in verified.stdout + verified.stderr

    def names() -> tuple[object, ...] | None:
        with live.connect("live_service") as service, service.transaction():
            service.execute("SELECT set_skill_message_context('t2')")
            service.execute("SELECT send_skill_message('u1', 'u3', 's1', 'Hello', id => 'm1')")
            query = "SELECT tenant_name, from_user_name, subject_skill_name"
            return service.execute(f"{query} FROM get_skill_message('m1')".encode()).fetchone()

    with pytest.raises(errors.InsufficientPrivilege) as raised:
        names()
    assert "hidden_names" in str(raised.value.diag.message_hint)
    with live.connect(DEPLOYER) as owner:
        for (statement,) in statements:
            if statement.startswith("GRANT"):
                owner.execute(statement.encode())
        assert names() == ("Crumb", None, "Skill 1")
        for (statement,) in statements:
            if statement.startswith("CREATE POLICY"):
                owner.execute(statement.encode())
        assert names() == ("Crumb", "User 1", "Skill 1")
        assert owner.execute("SELECT skill_messages_private.hidden_names()").fetchall() == []
    verified = sqitch("verify", live.target)
    assert "names of the host are hidden" not in verified.stdout + verified.stderr
