"""Attaching something to skill_messages that sees every row of all tenants: verify names it."""

import pytest
from typing_extensions import LiteralString

from tests.conftest import Database
from tools.server import sqitch

PARTS: dict[str, LiteralString] = {
    "the trigger spy": """
        CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('spy', new.message);
            RETURN new;
        END;
        $$;
        CREATE TRIGGER spy BEFORE INSERT ON skill_messages FOR EACH ROW EXECUTE FUNCTION spy()
    """,
    "the rule spy": """
        CREATE TABLE copies (message text);
        CREATE RULE spy AS ON INSERT TO skill_messages
        DO ALSO INSERT INTO copies VALUES (new.message)
    """,
    "the unique index public.skill_messages_id_idx": (
        "CREATE UNIQUE INDEX skill_messages_id_idx ON skill_messages (id)"
    ),
    "the child or parent table public.child": "CREATE TABLE child () INHERITS (skill_messages)",
}


@pytest.mark.parametrize("part", PARTS)
def test_verify_fails(deployed: Database, part: str) -> None:
    with deployed.connect() as superuser:
        superuser.execute(PARTS[part])
    verify = sqitch("verify", deployed.target)
    assert verify.returncode != 0
    assert part in verify.stderr


def test_a_publication_is_told(deployed: Database) -> None:
    """Replication is the host's decision, so that it is no failure."""
    with deployed.connect() as superuser:
        superuser.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    verify = sqitch("verify", deployed.target)
    assert verify.returncode == 0
    assert "the messages of all tenants are published by: everything" in verify.stderr
