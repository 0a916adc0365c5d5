"""Functions, tables, types and operators that stand where the package's own are looked for."""

import subprocess
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from skill_messages import NewMessage, SkillMessages
from tests.attacks.conftest import Attacker, acting, tampering, verify
from tests.conftest import Database, dump
from tools.server import DEPLOYER, ROOT, sqitch

OPERATIONS = [
    "erase_user_messages",
    "export_user_messages",
    "get_message_stats",
    "get_messages_for_user",
    "get_messages_from_user",
    "get_named_messages_for_user",
    "get_named_messages_from_user",
    "get_skill_message",
    "get_unread_count_for_user",
    "mark_message_read",
    "mark_messages_read",
    "purge_skill_messages",
    "send_skill_message",
    "send_skill_messages",
    "set_skill_message_context",
    "switch_skill_message_notifications",
    "update_message_status",
]

# What a deploy script or an operation calls without naming the schema, better matches among them.
FUNCTIONS = """
array_to_string(text[], text) text
cardinality(text[]) integer
clock_timestamp() timestamptz
concat(text, text, text) text
current_setting(text) text
current_setting(text, boolean) text
date_trunc(text, timestamptz) timestamptz
format(text, text) text
format(text, text, text) text
format(text, text, text, text) text
has_column_privilege(text, text, text) boolean
has_schema_privilege(text, text, text) boolean
json_build_object(text, text) json
jsonb_array_length(jsonb) integer
jsonb_build_object(text, text) jsonb
jsonb_typeof(jsonb) text
left(text, integer) text
now() timestamptz
obj_description(oid, name) text
octet_length(text) integer
pg_get_constraintdef(oid) text
pg_has_role(name, text) boolean
pg_has_role(text, text) boolean
pg_notify(text, text) void
quote_ident(text) text
row_security_active(text) boolean
to_regclass(text) regclass
to_regprocedure(text) regprocedure
to_regrole(text) regrole
to_timestamp(double precision) timestamptz
"""
OPERATORS = """
text = text boolean
text <> text boolean
text < text boolean
text || text text
text ~ text boolean
text ~~ text boolean
oid = oid boolean
name = name boolean
name = text boolean
boolean = boolean boolean
timestamptz < timestamptz boolean
timestamptz - interval timestamptz
jsonb - text[] jsonb
jsonb ->> text text
"""


def planted() -> str:
    """A schema in which nothing can be called without an error."""
    body = "LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'planted: %', current_user; END$$"
    made = ["CREATE SCHEMA evil", "GRANT USAGE ON SCHEMA evil TO PUBLIC"]
    for line in FUNCTIONS.strip().splitlines():
        signature, result = line.rsplit(" ", 1)
        name, arguments = signature.split("(", 1)
        made.append(f'CREATE FUNCTION evil."{name}"({arguments} RETURNS {result} {body}')
    for number, line in enumerate(OPERATORS.strip().splitlines()):
        left, operator, right, result = line.split(" ")
        made.append(f"CREATE FUNCTION evil.op{number}({left}, {right}) RETURNS {result} {body}")
        made.append(
            f"CREATE OPERATOR evil.{operator} "
            f"(LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = evil.op{number})"
        )
    made.append("CREATE TYPE evil.thing AS (value text)")
    made.append(f"CREATE FUNCTION evil.to_thing(text) RETURNS evil.thing {body}")
    made.append("CREATE CAST (text AS evil.thing) WITH FUNCTION evil.to_thing AS IMPLICIT")
    made.append(f"CREATE FUNCTION evil.fits(text) RETURNS boolean {body}")
    made += [
        f"CREATE DOMAIN evil.{name} AS pg_catalog.{name} CHECK (evil.fits(value::pg_catalog.text))"
        for name in ("jsonb", "name", "oid", "regclass", "timestamptz", "text")
    ]
    return ";".join(made)


# What a session can plant for itself, on a pooled connection perhaps for the next user of it.
TEMPORARY = [
    *(
        f"CREATE TEMP TABLE {name} (id pg_catalog.text, tenant_id pg_catalog.text, oid oid)"
        for name in (
            "pg_attribute",
            "pg_class",
            "pg_constraint",
            "pg_proc",
            "pg_roles",
            "skill_messages",
            "skills",
            "tenants",
            "users",
        )
    ),
    "CREATE FUNCTION pg_temp.fits(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql"
    " AS $$BEGIN RAISE EXCEPTION 'planted: %', current_user; END$$",
    *(
        f"CREATE DOMAIN pg_temp.{name} AS pg_catalog.{name}"
        " CHECK (pg_temp.fits(value::pg_catalog.text))"
        for name in ("jsonb", "timestamptz", "text")
    ),
]


@pytest.fixture(scope="module")
def maker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Somebody on the fresh server who may create objects in public, once that is granted."""
    server = request.getfixturevalue("fresh_server")
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE ROLE maker LOGIN")
        yield "maker"
        connection.execute("DROP ROLE maker")


def refused(database: Database) -> str:
    """What the deploy said when it refused; nothing of it is left."""
    before = dump(database)
    done = sqitch("deploy", database.target)
    assert done.returncode != 0, done.stdout
    assert dump(database) == before
    return done.stderr


def test_deploy_refuses_a_schema_public_that_everybody_may_create_in(empty: Database) -> None:
    with empty.connect() as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in refused(empty)


def test_deploy_refuses_overloads_and_creators_that_act_for_tenants(
    maker: str, empty: Database
) -> None:
    with empty.connect() as connection:
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {maker}".encode())
        connection.execute("CREATE ROLE skill_messages_app ROLE maker")
        for name in OPERATIONS:
            create = f"CREATE FUNCTION {name}(uuid, smallint) RETURNS int LANGUAGE sql RETURN 1"
            connection.execute(create.encode())
    try:
        complaint = refused(empty)
    finally:
        with empty.connect() as connection:
            connection.execute("REVOKE CREATE ON SCHEMA public FROM maker")
            connection.execute("DROP ROLE skill_messages_app")
    assert "maker acts as skill_messages_app and may create" in complaint
    assert all(
        f"another function public.{name}(uuid,smallint). Drop" in complaint for name in OPERATIONS
    )


def test_deploy_refuses_a_schema_of_somebody_else(maker: str, empty: Database) -> None:
    """Whoever owns skill_messages_private replaces what the operations call."""
    with empty.connect() as connection:
        connection.execute(f"CREATE SCHEMA skill_messages_private AUTHORIZATION {maker}".encode())
    assert "the schema skill_messages_private exists" in refused(empty)
    with empty.connect() as connection:
        connection.execute("DROP SCHEMA skill_messages_private")


# Who may create in public, and the role that is named for it.
CREATORS = {
    "PUBLIC": ("GRANT CREATE ON SCHEMA public TO PUBLIC", "PUBLIC may create"),
    "a role of ours": (
        "GRANT CREATE ON SCHEMA public TO skill_messages_retention",
        "skill_messages_retention acts as skill_messages_retention",
    ),
    "a member": ("GRANT CREATE ON SCHEMA public TO service_login", "service_login acts as"),
    "a member by another role": (
        "CREATE ROLE makers; GRANT CREATE ON SCHEMA public TO makers; GRANT makers TO app_login",
        "app_login acts as skill_messages_app",
    ),
    "a member by SET ROLE": (
        "CREATE ROLE makers; GRANT CREATE ON SCHEMA public TO makers;"
        "CREATE ROLE sneaky LOGIN NOINHERIT IN ROLE makers, skill_messages_app",
        "sneaky acts as skill_messages_app",
    ),
}


@pytest.mark.parametrize("creator", CREATORS)
def test_a_creator_that_acts_for_tenants_is_found(victim: Database, creator: str) -> None:
    statement, named = CREATORS[creator]
    with tampering(victim, statement) as attacker:
        answer = attacker.tries("SELECT skill_messages_private.preflight()")
    assert answer.sqlstate == "55000"
    assert named in answer.told
    assert "REVOKE CREATE ON SCHEMA public FROM" in answer.told


def test_other_creators_are_named(victim: Database) -> None:
    with tampering(victim, "GRANT CREATE ON SCHEMA public TO nobody_login") as attacker:
        answer = attacker.tries("SELECT skill_messages_private.preflight()")
    assert answer.sqlstate is None
    assert "may create objects in the schema public: nobody_login" in answer.told


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_overload_that_is_planted_afterwards_is_found(victim: Database, name: str) -> None:
    plant = f"CREATE PROCEDURE public.{name}(uuid) LANGUAGE sql AS ''"
    with tampering(victim, plant) as attacker:
        answer = attacker.tries("SELECT skill_messages_private.preflight()")
    assert answer.sqlstate == "55000"
    assert f"another function public.{name}(uuid). Drop or rename it" in answer.told


def test_verify_fails_where_an_overload_was_planted(deployed: Database) -> None:
    with deployed.connect() as connection:
        connection.execute("CREATE FUNCTION mark_message_read(uuid) RETURNS int RETURN 1")
    done = sqitch("verify", deployed.target)
    assert done.returncode != 0
    assert (
        "another function public.mark_message_read(uuid). Drop or rename it"
        in done.stdout + done.stderr
    )


OWNED = {
    "FUNCTION send_skill_message": "operations/send_skill_message",
    "PROCEDURE purge_skill_messages": "retention/purge_skill_messages",
    "FUNCTION skill_messages_private.acts_as_app": "private/acts_as_app",
    "VIEW skill_message_totals": "monitoring/skill_message_totals",
    "VIEW skill_messages_private.user_names": "tables/host_names",
    "TABLE skill_messages": "tables/skill_messages",
}


@pytest.mark.parametrize("owned", OWNED)
def test_what_somebody_else_owns_is_found(victim: Database, owned: str) -> None:
    """A superuser's CREATE OR REPLACE leaves what was planted before to its owner."""
    with tampering(victim, f"ALTER {owned} OWNER TO nobody_login") as attacker:
        attacker.connection.execute("RESET ROLE")
        assert verify(attacker, OWNED[owned]).sqlstate == "P0001"


def dump_of_the_package(database: Database) -> list[str]:
    schemas = ["--schema=public", "--schema=skill_messages_private"]
    done = subprocess.run(
        ["pg_dump", *schemas, database.conninfo()], capture_output=True, text=True, check=True
    )
    return [line for line in done.stdout.splitlines() if "restrict" not in line]


def run_all(database: Database, folder: str) -> subprocess.CompletedProcess[str]:
    """All scripts of a folder in one session, in which everything was planted beforehand.

    By psql alone: what Sqitch itself looks up is not the package's.
    """
    plan = (ROOT / "sqitch.plan").read_text().splitlines()
    changes = [line.split()[0] for line in plan if line and not line.startswith(("%", "@"))]
    if folder == "revert":
        changes.reverse()
    command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    command += [f"--command={statement}" for statement in TEMPORARY]
    command += ["--command=SET search_path = evil, pg_temp, pg_catalog, public"]
    command += [f"--file={ROOT / folder / change}.sql" for change in changes]
    return subprocess.run(
        [*command, database.conninfo(DEPLOYER)], capture_output=True, text=True, check=False
    )


def test_planted_objects_change_nothing_in_deploy_verify_and_revert(
    empty: Database, deployed: Database
) -> None:
    with empty.connect() as connection:
        connection.execute(planted().encode())
    before = dump(empty)
    try:
        done = run_all(empty, "deploy")
        assert done.returncode == 0, done.stderr
        assert dump_of_the_package(empty) == dump_of_the_package(deployed)
        done = run_all(empty, "verify")
        assert done.returncode == 0, done.stderr
    finally:
        done = run_all(empty, "revert")
    assert done.returncode == 0, done.stderr
    assert dump(empty) == before


SERVICE_OPERATIONS = """
SELECT public.set_skill_message_context('acme', 'bob')
SELECT public.send_skill_message('ann', 'bob', 'sql', 'One', 'postgres', 'p1')
SELECT public.send_skill_message('ann', 'bob', 'sql', 'One', 'postgres', 'p1')
SELECT public.send_skill_messages('[{"from_user_id": "ann", "to_user_id": "bob", "id": "p2",\
 "subject_skill_id": "sql", "message": "Two"}]')
SELECT public.send_skill_message('ann', 'nobody', 'sql', 'One')
SELECT public.send_skill_messages('[{"from_user_id": "ann", "unknown": "key"}]')
SELECT id, message FROM public.get_messages_for_user()
SELECT id, message FROM public.get_messages_for_user('bob', 1)
SELECT id, message FROM public.get_messages_from_user('ann')
SELECT message, subject_skill_name FROM public.get_named_messages_for_user()
SELECT message, from_user_name FROM public.get_named_messages_from_user('ann', 1)
SELECT message, tenant_name, to_user_name FROM public.get_skill_message('p1')
SELECT public.get_skill_message('g1')
SELECT public.get_unread_count_for_user()
SELECT public.get_unread_count_for_user('bob', 1)
SELECT public.mark_message_read('p1') IS NOT NULL
SELECT public.mark_messages_read()
SELECT public.mark_messages_read(message_ids => ARRAY['p1', 'p2'])
SELECT id, new_status FROM public.update_message_status('p1', 'accepted')
SELECT id, new_status FROM public.update_message_status('p1', 'accepted')
SELECT sum(1) FROM public.export_user_messages()
SELECT pending, accepted, declined, unread FROM public.get_message_stats()
SELECT public.set_skill_message_context('globex')
INSERT INTO public.skill_messages (tenant_id, from_user_id, to_user_id, subject_skill_id, message)\
 VALUES ('acme', 'ann', 'bob', 'sql', 'Three')
UPDATE public.skill_messages SET read_at = pg_catalog.now() WHERE id OPERATOR(pg_catalog.=) 'a2'
"""
RETENTION_OPERATIONS = """
SELECT public.set_skill_message_context('acme')
SELECT * FROM public.erase_user_messages('bob')
SELECT public.set_skill_message_context('globex')
"""


@pytest.mark.parametrize(
    ("actor", "operations"),
    [("service", SERVICE_OPERATIONS), ("retention", RETENTION_OPERATIONS)],
    ids=["service", "retention"],
)
def test_planted_objects_change_nothing_that_an_operation_does(
    victim: Database, actor: str, operations: str
) -> None:
    def results(attacker: Attacker) -> list[tuple[str | None, str]]:
        answers = map(attacker.tries, operations.strip().splitlines())
        return [(answer.sqlstate, answer.told) for answer in answers]

    with acting(victim, actor, tenant="") as attacker:
        expected = results(attacker)
    with victim.connect() as superuser:
        superuser.execute(planted().encode())
        try:
            with acting(victim, actor, tenant="") as attacker:
                for statement in TEMPORARY:
                    assert attacker.tries(statement).sqlstate is None
                attacker.connection.execute("SET LOCAL search_path = evil, pg_temp, pg_catalog")
                assert attacker.tries("SELECT format('%s', 'x')").sqlstate == "P0001"
                assert results(attacker) == expected
        finally:
            superuser.execute("DROP SCHEMA evil CASCADE")


def test_planted_objects_change_nothing_that_a_purge_does(database: Database) -> None:
    """A procedure that commits sets the search_path itself: is all that comes before it safe?"""
    with database.connect() as superuser, database.connect("retention_login") as connection:
        superuser.execute(planted().encode())
        for statement in TEMPORARY:
            connection.execute(statement.encode())
        connection.execute("SET search_path = evil, pg_temp, pg_catalog")
        purge = "CALL public.purge_skill_messages('0 days', tenant_id => 'acme')"
        assert connection.execute(purge.encode()).fetchone() == (0,)


# Better matches for what psycopg sends by itself: small integers, UUIDs, plain strings.
BETTER_MATCHES = [
    "set_skill_message_context(uuid, uuid)",
    "set_skill_message_context(varchar, varchar)",
    "send_skill_message(uuid, uuid, uuid, text, uuid, uuid)",
    "send_skill_messages(json)",
    "get_messages_for_user(text, smallint, timestamptz, text)",
    "get_messages_for_user(uuid, smallint)",
    "get_messages_from_user(text, smallint, timestamp, text)",
    "get_named_messages_for_user(text, smallint, timestamptz, text)",
    "get_named_messages_from_user(uuid, smallint)",
    "get_skill_message(uuid)",
    "get_unread_count_for_user(text, smallint)",
    "mark_message_read(uuid)",
    "mark_messages_read(uuid, timestamptz, uuid[])",
    "mark_messages_read(text, timestamptz, varchar[])",
    "update_message_status(uuid, text)",
    "export_user_messages(uuid)",
    "erase_user_messages(uuid, boolean)",
]
IDS = [UUID(int=number) for number in range(3)]


def everything(ann: SkillMessages, bob: SkillMessages) -> list[Any]:
    """What the client's methods return, less what differs from run to run."""
    new = NewMessage(
        from_user_id="ann", to_user_id="bob", subject_skill_id="sql", message="2", id=str(IDS[2])
    )
    return [
        ann.send_skill_message("ann", "bob", "sql", "1", None, IDS[1]),
        ann.send_skill_messages([new]),
        [message.id for message in bob.get_messages_for_user("bob", 10)],
        [message.id for message in bob.iter_messages_for_user(page_size=1)],
        [message.id for message in ann.get_messages_from_user("ann", 10)],
        bob.get_skill_message(IDS[1]).from_user_name,
        bob.get_unread_count_for_user("bob", 99),
        bob.mark_message_read(IDS[1]) is not None,
        bob.mark_messages_read("bob", None, IDS),
        bob.update_message_status(IDS[1], "accepted").status,
        len(bob.export_user_messages()),
        bob.get_message_stats().accepted,
    ]


EVERYTHING = [
    str(IDS[1]),
    [str(IDS[2])],
    *[[str(IDS[2]), str(IDS[1])]] * 3,
    "Ann",
    2,
    True,
    1,
    "accepted",
    2,
    1,
]


def clients(connection: psycopg.Connection[Any]) -> Iterator[SkillMessages]:
    return (
        SkillMessages(connection, tenant_id="acme", user_id=user_id) for user_id in ("ann", "bob")
    )


def test_a_planted_overload_never_catches_a_call_of_the_client(database: Database) -> None:
    with database.connect() as superuser:
        for signature in BETTER_MATCHES:
            superuser.execute(
                f"CREATE FUNCTION public.{signature} RETURNS text LANGUAGE plpgsql AS"
                " $$BEGIN RAISE EXCEPTION 'planted'; END$$".encode()
            )
        # A call that names no types is caught.
        with pytest.raises(psycopg.errors.RaiseException, match="planted"):
            superuser.execute("SELECT mark_message_read(%s)", [IDS[0]])
    with database.connect("app_login") as connection:
        assert everything(*clients(connection)) == EVERYTHING


def test_planted_types_never_catch_what_the_client_sends(database: Database) -> None:
    """A domain "text" left behind on a pooled connection reads what the next user sends."""
    with database.connect("app_login") as connection:
        for statement in TEMPORARY:
            connection.execute(statement.encode())
        assert everything(*clients(connection)) == EVERYTHING
