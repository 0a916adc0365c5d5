"""What stands in skill_messages_private, called by hand."""

# ruff: noqa: S608
# These statements are attacks, put together on purpose.

import pytest

from tests.attacks.conftest import ACTORS, HIDDEN, acting, tampering
from tests.conftest import Database
from tools.server import DEPLOYER

ROUTINES = """
SELECT format('%s.%I(%s)', p.pronamespace::regnamespace, p.proname, (
        SELECT string_agg(concat(
            CASE WHEN t.position = p.pronargs AND p.provariadic <> 0 THEN 'VARIADIC ' END,
            'NULL::', format_type(t.oid, NULL)
        ), ', ' ORDER BY t.position)
        FROM unnest(p.proargtypes) WITH ORDINALITY AS t (oid, position)
    )), p.prokind = 'p'
FROM pg_proc AS p
WHERE p.proowner = 'deployer'::regrole
    AND p.pronamespace IN ('public'::regnamespace, 'skill_messages_private'::regnamespace)
    AND p.prorettype <> 'trigger'::regtype
ORDER BY 1
"""

# The helpers that a role may call by hand. Whoever adds one here has thought about it: it reads
# nothing that its caller may not read.
CALLABLE = {
    "service": {
        "acts_as_app",
        "check_skill_message_batch",
        "check_skill_message_caller",
        "check_skill_message_context",
        "check_skill_message_page",
        "check_skill_message_retry",
        "current_skill_message_tenant",
        "new_skill_message_id",
        "raise_no_such_skill_message",
        "raise_read_only",
        "raise_skill_message_violation",
    },
    "retention": {
        "acts_as_app",
        "check_skill_message_caller",
        "check_skill_message_context",
        "current_skill_message_tenant",
        "delete_skill_messages",
        "raise_read_only",
        "raise_skill_message_violation",
    },
}
CALLABLE["app"] = CALLABLE["service"]


def test_a_login_without_a_role_calls_nothing(victim: Database) -> None:
    """Neither an operation nor a helper, also if it may use the schema."""
    with tampering(victim, "GRANT USAGE ON SCHEMA skill_messages_private TO PUBLIC") as attacker:
        routines = attacker.connection.execute(ROUTINES).fetchall()
        attacker.connection.execute("SET LOCAL ROLE nobody_login")
        refused = [
            attacker.tries(("CALL " if is_procedure else "SELECT ") + call)
            for call, is_procedure in routines
        ]
    assert len(refused) > 30
    assert {answer.sqlstate for answer in refused} == {"42501"}
    assert all("permission denied for" in answer.told for answer in refused)


def test_a_login_without_a_role_does_not_enter_the_schema(victim: Database) -> None:
    with acting(victim, "nobody") as attacker:
        answer = attacker.tries("SELECT skill_messages_private.new_skill_message_id()")
    assert answer.sqlstate == "42501"
    assert "permission denied for schema skill_messages_private" in answer.told


@pytest.mark.parametrize("actor", CALLABLE)
def test_a_role_calls_only_helpers_that_were_thought_about(victim: Database, actor: str) -> None:
    with acting(victim, actor) as attacker:
        may_call = attacker.connection.execute(
            "SELECT proname FROM pg_proc"
            " WHERE pronamespace = 'skill_messages_private'::regnamespace"
            " AND has_function_privilege(oid, 'EXECUTE')"
        ).fetchall()
    assert {name for (name,) in may_call} == CALLABLE[actor]


@pytest.mark.parametrize("actor", ["service", "app", "both"])
def test_deleting_by_the_helper_of_retention(victim: Database, actor: str) -> None:
    delete = "skill_messages_private.delete_skill_messages('acme', now(), 9, true, true, false)"
    with acting(victim, actor) as attacker:
        answer = attacker.tries(f"SELECT {delete}")
    assert answer.sqlstate == "42501"
    assert "permission denied for function delete_skill_messages" in answer.told


def test_deleting_in_another_tenant_by_the_helper_of_retention(victim: Database) -> None:
    """It chooses the tenant by its argument, but only once a transaction."""
    delete = "skill_messages_private.delete_skill_messages('globex', now(), 9, true, true, false)"
    with acting(victim, "retention") as attacker:
        assert attacker.tries(f"SELECT {delete}").sqlstate == "SM005"


# What only the right guess would find.
OF_ANOTHER_TENANT = ("'globex', 'g1', 'gus', 'ida', 'welding', '{}', NULL", "Secret of Globex")
BETWEEN_OTHERS = ("'acme', 'a2', 'bob', 'cy', 'sql', '{}', NULL", "Secret of Bob and Cy")


@pytest.mark.parametrize(
    ("actor", "guess"),
    [(actor, OF_ANOTHER_TENANT) for actor in ("service", "app", "both", "owner")]
    + [(actor, BETWEEN_OTHERS) for actor in ("app", "both", "owner")],
)
def test_guessing_a_text_by_the_check_of_a_retry(
    victim: Database, actor: str, guess: tuple[str, str]
) -> None:
    content, text = guess
    check = f"SELECT skill_messages_private.check_skill_message_retry({content})"
    with acting(victim, actor) as attacker:
        right, wrong = attacker.tries(check.format(text)), attacker.tries(check.format("Wrong"))
    assert right == wrong
    assert right.sqlstate == "SM004"


@pytest.mark.parametrize("actor", [actor for actor in ACTORS if actor != "nobody"])
def test_names_of_another_tenant_by_the_views(victim: Database, actor: str) -> None:
    with acting(victim, actor) as attacker:
        for view in ("tenant_names", "user_names", "skill_names"):
            answer = attacker.tries(f"SELECT * FROM skill_messages_private.{view}")
            assert answer.sqlstate == ("42501" if actor == "retention" else None)
            assert HIDDEN not in answer.told
            assert "globex" not in answer.told


# Only its owner may do this to the table; not even who may write all that there is to write.
OWNERS_RIGHTS = {
    "run a program": "COPY skill_messages TO PROGRAM 'cat'",
    "read the statistics": "SELECT * FROM pg_statistic",
    "empty the table": "TRUNCATE skill_messages",
    "delete": "DELETE FROM skill_messages WHERE id = 'a1'",
    "switch row-level security off": "ALTER TABLE skill_messages DISABLE ROW LEVEL SECURITY",
    "open a door": "CREATE POLICY door ON skill_messages USING (true)",
    "spy by a trigger": (
        "CREATE TRIGGER spy BEFORE INSERT ON skill_messages"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "spy by a rule": "CREATE RULE spy AS ON UPDATE TO skill_messages DO ALSO NOTHING",
    "keep statistics of the texts": "ALTER TABLE skill_messages ALTER message SET STATISTICS 1",
    "keep statistics of two": "CREATE STATISTICS spy ON id, message FROM skill_messages",
    "index the texts": "CREATE INDEX spy ON skill_messages (message)",
    "slip rows in": "CREATE TEMP TABLE heir () INHERITS (skill_messages)",
    "switch the triggers off": "SET session_replication_role = replica",
    "set row-level security aside": "SET LOCAL row_security = off; SELECT id FROM skill_messages",
    "become the owner": f"SET ROLE {DEPLOYER}",
    "become a superuser": "SET SESSION AUTHORIZATION postgres",
    "become retention": "SET ROLE skill_messages_retention",
    "lock everybody out": "LOCK TABLE skill_messages IN ACCESS EXCLUSIVE MODE",
    "switch notifications on": "SELECT switch_skill_message_notifications(true)",
    "read the totals": "SELECT * FROM skill_message_totals",
    "rewrite a text": "UPDATE skill_messages SET message = 'Mine' WHERE id = 'a1'",
    "move a message": "UPDATE skill_messages SET to_user_id = 'ann' WHERE id = 'a2'",
}


@pytest.mark.parametrize("what", OWNERS_RIGHTS)
@pytest.mark.parametrize("actor", ["service", "app", "both", "nobody"])
def test_what_only_the_owner_may(victim: Database, actor: str, what: str) -> None:
    with acting(victim, actor) as attacker:
        answer = attacker.tries(OWNERS_RIGHTS[what])
    assert answer.sqlstate == "42501"
    assert HIDDEN not in answer.told


@pytest.mark.parametrize("table", ["skill_messages", "users", "skills"])
@pytest.mark.parametrize("login", ["service_login", "app_login", "both_login", "nobody_login"])
def test_guessing_ids_by_a_foreign_key_of_ones_own(
    victim: Database, login: str, table: str
) -> None:
    """A foreign key looks past every policy: whoever may refer to a table learns its keys."""
    with tampering(victim, f"CREATE SCHEMA mine AUTHORIZATION {login}") as attacker:
        attacker.connection.execute(f"SET LOCAL ROLE {login}".encode())
        answer = attacker.tries(
            "CREATE TABLE mine.guesses (id text, tenant_id text,"
            f" FOREIGN KEY (id, tenant_id) REFERENCES public.{table} (id, tenant_id))"
        )
    assert answer.sqlstate == "42501"
    assert f"permission denied for table {table}" in answer.told
