"""Deploy, verify and revert with the real Sqitch, into an empty database and into a host's."""

import contextlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from typing_extensions import LiteralString

from tests.conftest import Database, dump, script
from tools.server import DEPLOYER, Server, sqitch

ROLES = ["skill_messages_app", "skill_messages_retention", "skill_messages_service"]


def roles(database: Database) -> list[str]:
    with database.connect() as connection:
        query = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'skill_messages%' ORDER BY 1"
        return [name for (name,) in connection.execute(query)]


def succeeds(database: Database, *command: str) -> str:
    done = sqitch(command[0], database.target, *command[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def as_service(database: Database, tenant_id: str, query: LiteralString) -> list[Any]:
    """The rows of a query as skill_messages_service, which the host lets read its tables."""
    with database.connect() as connection, connection.transaction():
        connection.execute("GRANT SELECT ON tenants, users, skills TO skill_messages_service")
        connection.execute("SET LOCAL ROLE skill_messages_service")
        connection.execute("SELECT set_skill_message_context(%s)", [tenant_id])
        rows = connection.execute(query).fetchall()
        connection.execute("RESET ROLE")
        connection.execute("REVOKE ALL ON tenants, users, skills FROM skill_messages_service")
        return rows


def fails(database: Database, *command: str) -> str:
    done = sqitch(command[0], database.target, *command[1:])
    assert done.returncode != 0, done.stdout
    return done.stderr


def fill(database: Database) -> None:
    """A message, in tables of the package's own making."""
    with database.connect() as connection:
        connection.execute("INSERT INTO tenants VALUES ('t', 'T')")
        connection.execute("INSERT INTO users VALUES ('u', 't', 'U')")
        connection.execute("INSERT INTO skills VALUES ('s', 't', 'S')")
        connection.execute("SELECT set_config('app.current_tenant_id', 't', false)")
        connection.execute("SELECT send_skill_message('u', 'u', 's', 'Hello')")


@pytest.mark.parametrize("kind", ["empty", "host"])
def test_there_and_back_and_there_again(kind: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(kind)
    before = dump(database)

    for _ in range(2):
        succeeds(database, "deploy", "--verify")
        succeeds(database, "verify")
        assert roles(database) == ROLES
        assert dump(database) != before

        succeeds(database, "revert", "-y")
        assert dump(database) == before
        assert roles(database) == []


def test_adopting_adds_two_unique_indexes_and_nothing_else(host: Database) -> None:
    of_the_host = [f"--table=public.{table}" for table in ("tenants", "users", "skills")]
    before = dump(host, *of_the_host)
    succeeds(host, "deploy")
    after = dump(host, *of_the_host)
    assert [line for line in before if line not in after] == []
    added = [line for line in after if line and line not in before and not line.startswith("--")]
    assert added == [
        line
        for table in ("skills", "users")
        for line in (
            f"CREATE UNIQUE INDEX {table}_skill_messages_key ON public.{table} "
            "USING btree (tenant_id, id);",
            f"COMMENT ON INDEX public.{table}_skill_messages_key IS "
            "'What the foreign keys of skill_messages refer to (created by skill_messages)';",
        )
    ]


FITTING_KEYS: list[LiteralString] = [
    "CREATE UNIQUE INDEX ON users (tenant_id, id) INCLUDE (name)",
    "ALTER TABLE users ADD UNIQUE (id, tenant_id)",
    "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (id, tenant_id)",
    "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (tenant_id, id)",
    "ALTER TABLE users DROP CONSTRAINT users_pkey, ALTER id SET NOT NULL;"
    "CREATE UNIQUE INDEX ON users (tenant_id, id)",
]

UNFIT_KEYS: list[LiteralString] = [
    "CREATE UNIQUE INDEX ON users (tenant_id, id) WHERE name IS NOT NULL",
    "CREATE UNIQUE INDEX ON users (tenant_id, lower(id))",
    "CREATE UNIQUE INDEX ON users (tenant_id, id, name)",
    "CREATE INDEX ON users (tenant_id, id)",
    "ALTER TABLE users ADD UNIQUE (tenant_id, id) DEFERRABLE",
    "CREATE UNIQUE INDEX half_built ON users (tenant_id, id);"
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half_built'::regclass",
    "ALTER TABLE users DROP CONSTRAINT users_pkey, ALTER id SET NOT NULL",
]


def gexec(connection: psycopg.Connection[Any], kind: str, change: str) -> None:
    """A script that psql runs outside a transaction, within one."""
    query = script(kind, change).partition(" \\gexec")[0]
    for (statement,) in connection.execute(query.encode()).fetchall():
        connection.execute(statement.replace(" CONCURRENTLY", "").encode())


def test_adopting_uses_a_key_that_is_there(host: Database) -> None:
    """Whatever the primary key is, or without any: an index is added only where none fits."""
    succeeds(host, "deploy", "--to", "tables/host_tables")
    with host.connect() as connection:

        def indexes() -> set[str]:
            query = "SELECT indexname FROM pg_indexes WHERE tablename IN ('users', 'skills')"
            return {name for (name,) in connection.execute(query)}

        for key in FITTING_KEYS + UNFIT_KEYS:
            with connection.transaction(force_rollback=True):
                connection.execute(key)
                before = indexes()
                connection.execute(f"SET LOCAL ROLE {DEPLOYER}")
                for change in ("tables/users_key", "tables/skills_key"):
                    gexec(connection, "deploy", change)
                    connection.execute(script("verify", change).encode())
                added = {"skills_skill_messages_key"}
                added |= {"users_skill_messages_key"} if key in UNFIT_KEYS else set()
                assert indexes() - before == added, key
                connection.execute("""
                    CREATE TABLE public.messages (
                        tenant_id text, user_id text,
                        FOREIGN KEY (tenant_id, user_id) REFERENCES public.users (tenant_id, id)
                    );
                    DROP TABLE public.messages
                """)
                for change in ("tables/users_key", "tables/skills_key"):
                    gexec(connection, "revert", change)
                assert indexes() == before, key


def test_a_host_with_the_same_id_in_two_tenants_keeps_them_apart(host: Database) -> None:
    """As a host whose keys carry the tenant may have: a message of the one is not the other's."""
    with host.connect(DEPLOYER) as connection:
        connection.execute("""
            ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (id, tenant_id);
            ALTER TABLE skills DROP CONSTRAINT skills_pkey, ADD PRIMARY KEY (tenant_id, id);
            INSERT INTO users VALUES ('ann', 't1', 'Ann of t1'), ('ann', 't2', 'Ann of t2');
            INSERT INTO skills VALUES ('sql', 't1', 'SQL of t1'), ('sql', 't2', 'SQL of t2');
        """)
    succeeds(host, "deploy", "--verify")
    send = "SELECT send_skill_message('ann', 'ann', 'sql', 'To myself', id => 'm')"
    assert [as_service(host, tenant, send) for tenant in ("t1", "t2")] == [[("m",)], [("m",)]]
    with host.connect(DEPLOYER) as connection:
        connection.execute("DELETE FROM skills WHERE (id, tenant_id) = ('sql', 't2')")
    names = "SELECT to_user_name, subject_skill_name FROM get_skill_message('m')"
    assert as_service(host, "t1", names) == [("Ann of t1", "SQL of t1")]
    with pytest.raises(psycopg.Error, match="no such message") as raised:
        as_service(host, "t2", names)
    assert raised.value.sqlstate == "SM002"


NAMES: LiteralString = """
    SELECT tenant_name, from_user_name, to_user_name, subject_skill_name,
        proposed_parent_skill_name
    FROM get_skill_message('m')
"""

SEND: LiteralString = "SELECT send_skill_message('u3', 'u6', 's3', 'Hello', 's6', 'm')"


def test_a_host_without_names_has_none(host: Database) -> None:
    with host.connect(DEPLOYER) as connection:
        connection.execute("""
            ALTER TABLE tenants DROP name; ALTER TABLE users DROP name; ALTER TABLE skills DROP name
        """)
    before = dump(host)
    succeeds(host, "deploy", "--verify")
    as_service(host, "t1", SEND)
    assert as_service(host, "t1", NAMES) == [(None, None, None, None, None)]
    succeeds(host, "revert", "-y", "--set", "messages=discard")
    assert dump(host) == before


def test_a_host_maps_its_own_names_by_replacing_a_view(host: Database) -> None:
    with host.connect(DEPLOYER) as connection:
        connection.execute("ALTER TABLE users RENAME name TO display_name")
        connection.execute("ALTER TABLE users ALTER display_name TYPE varchar(80)")
    before = dump(host)
    succeeds(host, "deploy", "--verify")
    as_service(host, "t1", SEND)
    assert as_service(host, "t1", NAMES) == [("Tenant 1", None, None, "A skill", "A skill")]

    replacement: LiteralString = """
        CREATE OR REPLACE VIEW skill_messages_private.user_names {}AS
        SELECT tenant_id, id, display_name::text AS name FROM public.users
    """
    with host.connect(DEPLOYER) as connection:
        connection.execute(replacement.format("WITH (security_invoker = true) "))
    succeeds(host, "verify")
    assert as_service(host, "t1", NAMES) == [("Tenant 1", "User 3", "User 6", "A skill", "A skill")]

    # What the host's policies hide from the caller stays hidden.
    with host.connect(DEPLOYER) as connection:
        connection.execute("ALTER TABLE users ENABLE ROW LEVEL SECURITY")
        connection.execute("CREATE POLICY one ON users USING (id = 'u6')")
    assert as_service(host, "t1", NAMES) == [("Tenant 1", None, "User 6", "A skill", "A skill")]
    with host.connect(DEPLOYER) as connection:
        connection.execute("DROP POLICY one ON users")
        connection.execute("ALTER TABLE users DISABLE ROW LEVEL SECURITY")

        # REPLACE forgets what is not said again: such a view reads as its owner.
        connection.execute(replacement.format(""))
    assert "ALTER VIEW skill_messages_private.user_names SET (security_invoker = true)" in fails(
        host, "verify"
    )
    succeeds(host, "revert", "-y", "--set", "messages=discard")
    assert dump(host) == before


def test_adopting_some_creates_the_others(empty: Database) -> None:
    with empty.connect(DEPLOYER) as connection:
        connection.execute("CREATE TABLE tenants (id text PRIMARY KEY, name text)")
        connection.execute("INSERT INTO tenants VALUES ('acme')")
    before = dump(empty)
    succeeds(empty, "deploy", "--verify", "--to", "tables/skill_messages")
    succeeds(empty, "revert", "-y")
    assert dump(empty) == before


UNFIT: list[tuple[LiteralString, list[str]]] = [
    (
        "DROP TABLE users; CREATE TABLE users (id text PRIMARY KEY)",
        ['public.users needs the column "tenant_id text NOT NULL".'],
    ),
    (
        "ALTER TABLE users ALTER tenant_id DROP NOT NULL",
        ['public.users needs the column "tenant_id text NOT NULL".'],
    ),
    (
        "ALTER TABLE users DROP CONSTRAINT users_pkey, ALTER id DROP NOT NULL",
        ['public.users needs the column "id text NOT NULL".'],
    ),
    (
        "ALTER TABLE users ALTER tenant_id TYPE varchar",
        ['public.users needs the column "tenant_id text NOT NULL".'],
    ),
    (
        "DROP TABLE skills; CREATE TABLE skills (id uuid PRIMARY KEY, tenant_id text NOT NULL)",
        ['public.skills needs the column "id text NOT NULL".'],
    ),
    (
        "ALTER TABLE users DROP CONSTRAINT users_tenant_id_fkey;"
        "ALTER TABLE tenants DROP CONSTRAINT tenants_pkey, ADD UNIQUE (id)",
        ['public.tenants needs the column "id text" as its primary key.'],
    ),
    (
        "DROP TABLE tenants CASCADE; CREATE TABLE tenants (id text, n text, PRIMARY KEY (id, n));"
        "DROP TABLE skills; CREATE VIEW skills AS SELECT 's'::text AS id, 't'::text AS tenant_id",
        [
            'public.skills needs the column "id text NOT NULL".',
            'public.skills needs the column "tenant_id text NOT NULL".',
            'public.tenants needs the column "id text" as its primary key.',
        ],
    ),
]


def findings(complaint: str) -> list[str]:
    """What preflight() found, a line each."""
    assert "ERROR:  this database is not fit for skill_messages" in complaint
    detail, _, rest = complaint.partition("DETAIL:  ")[2].partition("\nHINT:  ")
    assert rest.startswith("Do as the detail says and try again. Nothing was done.")
    return detail.split("\n")


def preflight(connection: psycopg.Connection[Any]) -> list[str]:
    """The same, in a transaction of its own instead of Sqitch's: quicker."""
    with connection.transaction(force_rollback=True):
        connection.execute(f"SET LOCAL ROLE {DEPLOYER}")
        with pytest.raises(psycopg.Error) as raised, connection.transaction():
            connection.execute(script("deploy", "preflight").encode())
        assert raised.value.sqlstate == "55000"
        assert raised.value.diag.message_detail
        return raised.value.diag.message_detail.split("\n")


def test_an_unfit_host_is_told_what_it_lacks(host: Database) -> None:
    for change, found in UNFIT:
        with host.connect() as connection, connection.transaction(force_rollback=True):
            connection.execute(f"SET LOCAL ROLE {DEPLOYER}")
            connection.execute(change)
            connection.execute("RESET ROLE")
            assert preflight(connection) == found, change

    with host.connect(DEPLOYER) as connection:
        connection.execute(UNFIT[-1][0])
    before = dump(host)
    assert findings(fails(host, "deploy")) == UNFIT[-1][1]
    assert dump(host) == before
    assert roles(host) == []


UNSAFE: LiteralString = """
    ALTER TABLE users ALTER tenant_id DROP NOT NULL;
    ALTER TABLE skills DROP CONSTRAINT skills_pkey, ALTER id DROP NOT NULL;
    CREATE FUNCTION public.mark_message_read(message_id varchar) RETURNS void
    LANGUAGE sql BEGIN ATOMIC SELECT; END;
    CREATE FUNCTION public.get_messages_for_user(text, smallint) RETURNS void
    LANGUAGE sql BEGIN ATOMIC SELECT; END;
"""

UNSAFE_FINDINGS = [
    "The schema public has another function public.get_messages_for_user(text,smallint). Drop or "
    "rename it: an overload can be called instead of the package's",
    "The schema public has another function public.mark_message_read(character varying). Drop or "
    "rename it: an overload can be called instead of the package's",
    "The role skill_messages_app may log in, has a special attribute, or is a member of another "
    "role. ALTER ROLE skill_messages_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB "
    "NOREPLICATION, and REVOKE its memberships",
    'public.skills needs the column "id text NOT NULL".',
    'public.users needs the column "tenant_id text NOT NULL".',
]


def test_all_that_is_wrong_is_named_at_once(host: Database) -> None:
    with host.connect() as connection:
        connection.execute("""
            CREATE ROLE skill_messages_app CREATEDB;
            CREATE ROLE skill_messages_service;
            CREATE ROLE planter LOGIN IN ROLE skill_messages_service;
        """)
        try:
            connection.execute(f"SET ROLE {DEPLOYER}; {UNSAFE} RESET ROLE".encode())
            connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
            assert findings(fails(host, "deploy")) == [
                "PUBLIC may create objects in the schema public. "
                "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
                *UNSAFE_FINDINGS,
            ]

            # Where it is a single role, that one is named.
            connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            connection.execute("GRANT CREATE ON SCHEMA public TO planter")
            assert findings(fails(host, "deploy")) == [
                "planter acts as skill_messages_service and may create objects in the schema "
                "public. REVOKE CREATE ON SCHEMA public FROM planter, or from the role that gives "
                "it this privilege",
                *UNSAFE_FINDINGS,
            ]
            connection.execute("REVOKE CREATE ON SCHEMA public FROM planter")
        finally:
            connection.execute(
                "DROP OWNED BY planter;"
                "DROP ROLE planter, skill_messages_app, skill_messages_service"
            )


LATER: list[tuple[LiteralString, str]] = [
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "PUBLIC may create objects"),
    (
        "CREATE ROLE planter IN ROLE skill_messages_app; GRANT CREATE ON SCHEMA public TO planter",
        "planter acts as skill_messages_app and may create objects",
    ),
    (
        "CREATE ROLE creator; CREATE ROLE planter IN ROLE skill_messages_retention, creator;"
        "GRANT CREATE ON SCHEMA public TO creator",
        "planter acts as skill_messages_retention and may create objects",
    ),
    (
        "CREATE FUNCTION public.send_skill_messages(json) RETURNS void "
        "LANGUAGE sql BEGIN ATOMIC SELECT; END",
        "another function public.send_skill_messages(json)",
    ),
    ("ALTER ROLE skill_messages_retention LOGIN", "The role skill_messages_retention may log in"),
    ("GRANT pg_read_all_data TO skill_messages_app", "is a member of another role"),
]


def test_what_becomes_unsafe_later_fails_verify(empty: Database) -> None:
    succeeds(empty, "deploy", "--to", "roles")
    verify = script("verify", "preflight").encode()
    with empty.connect() as connection:
        for change, found in LATER:
            with connection.transaction(force_rollback=True):
                connection.execute(verify)
                connection.execute(change)
                with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as raised:
                    connection.execute(verify)
            detail = raised.value.diag.message_detail
            assert detail
            assert found in detail
            assert "\n" not in detail

        connection.execute(LATER[0][0])
        assert len(findings(fails(empty, "verify"))) == 1


def test_others_who_may_create_in_public_are_named_in_a_notice(empty: Database) -> None:
    with empty.connect() as connection:
        connection.execute("CREATE ROLE builder; CREATE ROLE helper IN ROLE builder")
        try:
            connection.execute("GRANT CREATE ON SCHEMA public TO builder")
            notice = "NOTICE:  may create objects in the schema public: builder, helper"
            assert notice in succeeds(empty, "deploy", "--to", "preflight")
            assert notice in succeeds(empty, "verify")
        finally:
            connection.execute("DROP OWNED BY builder; DROP ROLE builder, helper")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_is_not_utf8_is_refused(
    fresh_server: Server, names: Iterator[str], encoding: str
) -> None:
    database = Database(fresh_server, next(names))
    with psycopg.connect(fresh_server.conninfo(), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {database.name} OWNER {DEPLOYER} TEMPLATE template0 "
            f"ENCODING '{encoding}' LOCALE 'C'".encode()
        )
    assert findings(fails(database, "deploy")) == [
        f"The encoding of the database is {encoding}. Use a database with the encoding UTF8."
    ]
    fresh_server.drop_database(database.name)


def open_to_upserts(database: Database) -> bool:
    """Whether the server has the hole CVE-2026-120154, which a minor update closes."""
    with database.connect() as connection:
        major, minor = divmod(connection.info.server_version, 10000)
    return minor < {15: 20, 16: 16, 17: 12, 18: 7}.get(major, 0)


def test_a_server_with_a_known_hole_is_warned_of(empty: Database) -> None:
    if not open_to_upserts(empty):
        pytest.skip("the server is not open to CVE-2026-120154")
    for output in (succeeds(empty, "deploy", "--to", "preflight"), succeeds(empty, "verify")):
        assert "is open to CVE-2026-120154" in output
        assert "Update to 15.20, 16.16, 17.12, 18.7 or newer." in output


def test_a_server_without_it_is_not_warned_of(empty: Database) -> None:
    if open_to_upserts(empty):
        pytest.skip("the server is open to CVE-2026-120154: update it")
    for output in (succeeds(empty, "deploy", "--to", "preflight"), succeeds(empty, "verify")):
        assert "WARNING" not in output


def test_a_role_that_may_not_create_roles_is_told(host: Database) -> None:
    with host.connect() as connection:
        connection.execute(f"ALTER ROLE {DEPLOYER} NOCREATEROLE")
        try:
            assert findings(fails(host, "deploy")) == [
                f"{DEPLOYER} may not create roles. Grant it CREATEROLE, or have an administrator "
                "create the NOLOGIN roles skill_messages_service, skill_messages_app, "
                "skill_messages_retention"
            ]
            assert roles(host) == []

            connection.execute("; ".join(f"CREATE ROLE {role}" for role in ROLES).encode())
            succeeds(host, "deploy", "--verify", "--to", "roles")
            assert "did not create it" in succeeds(host, "revert", "-y")
            assert roles(host) == ROLES
        finally:
            connection.execute(f"DROP ROLE IF EXISTS {', '.join(ROLES)}".encode())
            connection.execute(f"ALTER ROLE {DEPLOYER} CREATEROLE")


ROLE_FINDING = (
    "The role {0} may log in, has a special attribute, or is a member of another role. ALTER ROLE "
    "{0} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION, and REVOKE its "
    "memberships"
)


def test_a_role_that_would_break_isolation_is_refused(empty: Database) -> None:
    weaknesses: list[LiteralString] = [
        "LOGIN",
        "SUPERUSER",
        "BYPASSRLS",
        "CREATEROLE",
        "CREATEDB",
        "REPLICATION",
        "IN ROLE pg_read_all_data",
    ]
    with empty.connect() as connection:
        for weakness in weaknesses:
            for role in ROLES:
                with connection.transaction(force_rollback=True):
                    connection.execute(f"CREATE ROLE {role} {weakness}".encode())
                    assert preflight(connection) == [ROLE_FINDING.format(role)], weakness


def test_members_that_a_role_has_already_are_told(empty: Database) -> None:
    with empty.connect() as connection:
        connection.execute("CREATE ROLE skill_messages_app")
        connection.execute('CREATE ROLE "Web App" LOGIN IN ROLE skill_messages_app')
        connection.execute(f"GRANT skill_messages_app TO {DEPLOYER}")
        try:
            output = succeeds(empty, "deploy", "--to", "roles")
            assert re.search(
                r"role skill_messages_app exists already .* its members: "
                rf'("Web App", {DEPLOYER}|{DEPLOYER}, "Web App")',
                output,
            )
            succeeds(empty, "verify")
        finally:
            succeeds(empty, "revert", "-y")
            connection.execute('DROP ROLE "Web App", skill_messages_app')


OPEN_TO: LiteralString = """
    SELECT acl.object
    FROM (
        SELECT oid::regclass::text AS object, relacl AS acl, relnamespace AS namespace
        FROM pg_class
        UNION ALL
        SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)), pronamespace
        FROM pg_proc
        UNION ALL
        SELECT nspname, nspacl, oid FROM pg_namespace WHERE nspname <> 'public'
    ) AS acl
    INNER JOIN pg_namespace AS n ON n.oid = acl.namespace
    CROSS JOIN aclexplode(acl.acl) AS g
    WHERE n.nspname IN ('skill_messages_private', 'public')
        AND (g.grantee = 0 OR pg_get_userbyid(g.grantee) = 'Some One')
"""


@pytest.mark.parametrize("kind", ["empty", "host"])
def test_what_default_privileges_open_is_closed(kind: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(kind)
    with database.connect() as connection:
        connection.execute('CREATE ROLE "Some One"')
        try:
            for grantee in ('"Some One" WITH GRANT OPTION', "PUBLIC"):
                for objects in ("TABLES", "ROUTINES", "SCHEMAS"):
                    connection.execute(
                        f"ALTER DEFAULT PRIVILEGES FOR ROLE {DEPLOYER} "
                        f"GRANT ALL ON {objects} TO {grantee}".encode()
                    )
            connection.execute(f"SET ROLE {DEPLOYER}; CREATE VIEW open AS SELECT 1; RESET ROLE")
            opened = connection.execute(OPEN_TO).fetchall()
            assert set(opened) == {("open",)}

            succeeds(database, "deploy", "--verify")
            assert connection.execute(OPEN_TO).fetchall() == opened
            connection.execute("DROP VIEW open")
            succeeds(database, "revert", "-y")
        finally:
            connection.execute('DROP OWNED BY "Some One"; DROP ROLE "Some One"')


def test_a_role_that_another_database_uses_stays(
    empty: Database, fresh_server: Server, names: Iterator[str]
) -> None:
    neighbour = Database(fresh_server, next(names))
    fresh_server.create_database(neighbour.name)
    succeeds(empty, "deploy", "--to", "tables/skill_messages")
    succeeds(neighbour, "deploy", "--to", "roles")

    assert "NOTICE:  role skill_messages_app stays" in succeeds(empty, "revert", "-y")
    assert roles(empty) == ROLES
    succeeds(neighbour, "verify")

    succeeds(neighbour, "revert", "-y")
    assert roles(empty) == []
    fresh_server.drop_database(neighbour.name)


def test_a_revert_drops_nothing_that_others_depend_on(empty: Database) -> None:
    """All of them are named before anything is undone."""
    succeeds(empty, "deploy")
    with empty.connect(DEPLOYER) as connection:
        connection.execute("""
            CREATE TABLE likes (
                skill_id text, tenant_id text,
                FOREIGN KEY (skill_id, tenant_id) REFERENCES skills (id, tenant_id)
            );
            CREATE VIEW texts AS SELECT message FROM skill_messages;
            CREATE VIEW totals AS SELECT sent FROM skill_message_totals;
            CREATE VIEW badge AS SELECT get_unread_count_for_user('u');
        """)
    before = dump(empty)
    for choice in ([], ["--set", "messages=discard"]):
        complaint = fails(empty, "revert", "-y", *choice)
        for dependant in ("table public.likes", "view public.texts", "view public.totals"):
            assert f"{dependant} depends on" in complaint
        assert "view public.badge depends on function" in complaint
        assert "HINT:  Drop it first. Nothing was undone." in complaint
        assert dump(empty) == before
    succeeds(empty, "verify")
    with empty.connect(DEPLOYER) as connection:
        connection.execute("DROP TABLE likes; DROP VIEW texts, totals, badge")


def test_a_revert_loses_nothing_unless_told_to(empty: Database) -> None:
    untouched = dump(empty)
    succeeds(empty, "deploy")
    fill(empty)
    before = dump(empty)
    lost = (
        "this revert would lose 1 rows of public.skill_messages, 1 rows of public.tenants, "
        "1 rows of public.users, 1 rows of public.skills"
    )
    for options in ([], ["--to", "tables/host_tables"], ["--to", "monitoring/get_message_stats"]):
        complaint = fails(empty, "revert", "-y", *options)
        assert lost in complaint
        assert "HINT:  Nothing was undone. To export them all, run: psql " in complaint
        assert dump(empty) == before
    assert "messages is 'all'" in fails(empty, "revert", "-y", "--set", "messages=all")

    # What was said to stop before the table does not go past it.
    succeeds(empty, "revert", "-y", "--set", "messages=keep", "--to", "rules/message_life")
    succeeds(empty, "deploy")
    assert dump(empty) == before
    assert lost in fails(empty, "revert", "-y", "--set", "messages=keep")
    assert lost in fails(empty, "revert", "-y")
    succeeds(empty, "deploy")
    assert dump(empty) == before

    succeeds(empty, "revert", "-y", "--set", "messages=discard", "--to", "tables/host_tables")
    assert "would lose 1 rows of public.tenants, 1 rows of" in fails(empty, "revert", "-y")
    succeeds(empty, "revert", "-y", "--set", "messages=discard")
    assert dump(empty) == untouched


def test_a_failed_deploy_reverts_nothing(host: Database) -> None:
    """An upgrade that fails must not take the messages with it."""
    succeeds(host, "deploy")
    with host.connect() as connection:
        succeeds(host, "revert", "-y", "--to", "monitoring/get_message_stats")
        connection.execute("CREATE TABLE skill_message_totals ()")
        before = dump(host)
        assert "must be owner of table skill_message_totals" in fails(host, "deploy")
        assert dump(host) == before
        connection.execute("DROP TABLE skill_message_totals")
    succeeds(host, "deploy")


def test_nobody_queues_up_behind_a_revert(host: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader's open transaction keeps it from its locks, and it keeps nobody from theirs."""
    succeeds(host, "deploy")
    before = dump(host)
    monkeypatch.setenv("PGOPTIONS", "-c skill_messages.patience=2s")
    with (
        host.connect() as reader,
        host.connect(options="-c lock_timeout=1s") as other,
        reader.transaction(),
        ThreadPoolExecutor() as pool,
    ):
        reader.execute("SELECT FROM skill_messages, users, skills, tenants")
        reverting = pool.submit(sqitch, "revert", host.target, "-y")
        statements = 0
        while not reverting.done():
            for table in ("skill_messages", "users"):
                other.execute(f"SELECT FROM {table} LIMIT 1".encode())
                statements += 1
        assert statements > 100
        assert "the table was never free" in reverting.result().stderr
    assert dump(host) == before


def test_a_revert_that_stops_half_way_leaves_the_table_closed(empty: Database) -> None:
    """The privileges of a role go with its walls, and row-level security only with the table."""
    succeeds(empty, "deploy")
    fill(empty)
    with empty.connect(DEPLOYER) as owner, empty.connect() as connection:
        owner.execute("CREATE VIEW texts AS SELECT message FROM skill_messages")

        def seen(role: str, user_id: str) -> int | None:
            with connection.transaction(force_rollback=True):
                connection.execute("SELECT set_config('app.current_tenant_id', 't', true)")
                connection.execute("SELECT set_config('app.current_user_id', %s, true)", [user_id])
                connection.execute(f"SET LOCAL ROLE {role}".encode())
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                    return connection.execute("SELECT FROM skill_messages").rowcount
            return None

        for change, service, app, other in (
            ("rules/message_life", 1, 1, 0),
            ("isolation/tenant_isolation", 1, None, None),
            ("tables/skill_messages", None, None, None),
        ):
            succeeds(empty, "revert", "-y", "--set", "messages=keep", "--to", change)
            assert seen("skill_messages_service", "") == service
            assert seen("skill_messages_app", "u") == app
            assert seen("skill_messages_app", "other") == other
            assert owner.execute("TABLE texts").fetchall() == []

        discard = ["--set", "messages=discard"]
        assert "view public.texts depends on" in fails(empty, "revert", "-y", *discard)
        assert owner.execute("TABLE texts").fetchall() == []
        query = "SELECT message FROM skill_messages"
        assert connection.execute(query).fetchall() == [("Hello",)]
        owner.execute("DROP VIEW texts")


def test_ties_are_broken_alike_in_every_locale(fresh_server: Server, names: Iterator[str]) -> None:
    """A database that sorts like a dictionary still pages through an inbox without a gap."""
    database = Database(fresh_server, next(names))
    with psycopg.connect(fresh_server.conninfo(), autocommit=True) as connection:
        try:
            connection.execute(
                f"CREATE DATABASE {database.name} OWNER {DEPLOYER} TEMPLATE template0 "
                "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
            )
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("the server was built without ICU")
    succeeds(database, "deploy")
    with database.connect() as connection:
        assert connection.execute("SELECT 'a' < 'B'").fetchone() == (True,)
        connection.execute("INSERT INTO tenants VALUES ('t', 'T')")
        connection.execute("INSERT INTO users VALUES ('u', 't', 'U')")
        connection.execute("INSERT INTO skills VALUES ('s', 't', 'S')")
        connection.execute("SELECT set_config('app.current_tenant_id', 't', false)")
        ids = ["a-1", "A1", "a1", "B", "b", "Z", "é", "-", "_x"]
        with connection.transaction():
            for message_id in ids:
                query = "SELECT send_skill_message('u', 'u', 's', 'Hello', id => %s)"
                connection.execute(query, [message_id])
        paged: list[str] = []
        page: tuple[object, object] | None = (None, None)
        while page:
            query = "SELECT created_at, id FROM get_messages_for_user('u', 2, %s, %s)"
            rows = connection.execute(query, page).fetchall()
            paged += [message_id for _, message_id in rows]
            page = rows[-1] if rows else None
    assert paged == sorted(ids, reverse=True)
    fresh_server.drop_database(database.name)
