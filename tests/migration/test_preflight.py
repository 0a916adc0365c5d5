"""The first change: it names all that is wrong with a database at once, and touches nothing."""

import psycopg
import pytest

from tests.conftest import Database, dump
from tools.server import DEPLOYER, sqitch

UNFIT = """
CREATE SCHEMA app;
CREATE TABLE app.users (id text);
CREATE UNLOGGED TABLE tenants (id text PRIMARY KEY);
CREATE TABLE skills (id text, tenant_id varchar);
CREATE TABLE skill_messages (id text PRIMARY KEY);
CREATE TABLE replies (message_id text REFERENCES skill_messages);
CREATE FUNCTION send_skill_messages(json) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
GRANT CREATE ON SCHEMA public TO PUBLIC;
"""

# How each finding begins, and what its remedy says.
FINDINGS = [
    (
        "PUBLIC may create objects in the schema public",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ),
    (
        "The schema public has another function public.send_skill_messages(json)",
        "Drop or rename it",
    ),
    ("app.users is in another schema, and public has no users", "skill_messages.make_host_tables"),
    ('public.skills needs the column "id text NOT NULL"', ""),
    ('public.skills needs the column "tenant_id text NOT NULL"', ""),
    ("public.tenants is unlogged", "ALTER TABLE public.tenants SET LOGGED"),
    ("public.skill_messages exists already, and not of this package's making", "sql/convert.sql"),
    ("public.replies.replies_message_id_fkey refers to public.skill_messages (id)", "Drop it"),
    ("public.skills needs a unique index, and deployer does not own it", "CONCURRENTLY"),
    (f"{DEPLOYER} may not make foreign keys to public.skills", "GRANT REFERENCES ON public.skills"),
]


def preflight(database: Database) -> str:
    """What deploy says when it refuses; empty if it does not."""
    done = sqitch("deploy", database.target)
    return done.stderr if done.returncode else ""


@pytest.fixture
def unfit(empty: Database) -> Database:
    with empty.connect() as superuser:
        superuser.execute(UNFIT.encode())
    return empty


def test_all_that_is_wrong_is_named_at_once_and_nothing_is_touched(unfit: Database) -> None:
    before = dump(unfit)
    complaint = preflight(unfit)
    assert "this database is not fit for skill_messages" in complaint
    lines = complaint.splitlines()
    for beginning, remedy in FINDINGS:
        [line] = [line.removeprefix("DETAIL:  ") for line in lines if beginning in line]
        assert line.startswith(beginning)
        assert remedy in line
    assert "HINT:  Do as the detail says and try again. Nothing was done." in lines
    assert dump(unfit) == before


def test_a_collation_for_which_different_texts_are_equal_is_named(empty: Database) -> None:
    with empty.connect() as superuser:
        try:
            superuser.execute(
                "CREATE COLLATION ci "
                "(provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("the server was built without ICU")
        superuser.execute("CREATE TABLE tenants (id text COLLATE ci PRIMARY KEY)")
    complaint = preflight(empty)
    assert "public.tenants.id has the collation public.ci" in complaint
    assert 'ALTER TABLE public.tenants ALTER id TYPE text COLLATE "default"' in complaint


def test_tables_elsewhere_may_be_meant(empty: Database) -> None:
    with empty.connect() as superuser:
        superuser.execute("CREATE SCHEMA app; CREATE TABLE app.users (id text)")
        assert "app.users is in another schema" in preflight(empty)
        superuser.execute(
            f"ALTER DATABASE {empty.name} SET skill_messages.make_host_tables = 'on'".encode()
        )
        assert preflight(empty) == ""
        assert sqitch("verify", empty.target).returncode == 0
