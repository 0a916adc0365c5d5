"""The schema stays fit for a distributed engine, and the rules that say so catch what breaks them.

docs/scaling.md says what such an engine is for. `CITUS_URL` names one for the tests that need it.
"""

# ruff: noqa: S608
# These statements are wrong on purpose.

from collections.abc import Iterator

import pytest
from typing_extensions import LiteralString

from tests.conftest import Database
from tests.schema import scale_out
from tests.schema.scale_out import Connection, Rule


def function(body: LiteralString, signature: LiteralString = "offender() RETURNS text") -> str:
    return f"""
        CREATE FUNCTION {signature} LANGUAGE plpgsql AS $$
        DECLARE v_tenant_id text := current_setting('app.current_tenant_id', true);
        BEGIN {body} END $$;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO skill_messages_app
    """


NEW = "INSERT INTO skill_messages AS m (id, tenant_id, from_user_id)"
TRIGGER = "CREATE TRIGGER offender {} ON skill_messages {} EXECUTE FUNCTION {}"
RAISE = "skill_messages_private.refuse_skill_message_change()"
TENANT = "tenant_id = current_setting('app.current_tenant_id', true)"
POLICY = "CREATE POLICY offender ON skill_messages FOR"

# Of each rule, what breaks it: and what it then lists.
OFFENDERS: list[tuple[Rule, str, str]] = [
    *(
        (scale_out.every_table_has_its_tenant, function(body), f"offender: {found}")
        for body, found in [
            ("PERFORM FROM skill_messages AS m WHERE m.id = 'a';", "m"),
            ("PERFORM FROM skill_messages AS m WHERE m.tenant_id = v_tenant_id OR true;", "m"),
            ("PERFORM FROM skill_messages AS m WHERE m.tenant_id <> v_tenant_id;", "m"),
            ("PERFORM FROM skill_messages AS m WHERE m.tenant_id = current_user;", "m"),
            ("PERFORM FROM skill_messages AS m WHERE m.tenant_id = m.id;", "m"),
            ("UPDATE skill_messages AS m SET status = 'declined' WHERE m.id = 'a';", "m"),
            ("DELETE FROM skill_messages WHERE id = v_tenant_id;", "skill_messages"),
            ("RETURN (SELECT u.name FROM users AS u WHERE u.id = 'ann');", "u"),
            ("v_tenant_id := (SELECT u.name FROM users AS u WHERE u.id = 'ann');", "u"),
            ("FOR v_tenant_id IN SELECT s.id FROM skills AS s LOOP END LOOP;", "s"),
            (
                "PERFORM FROM skill_messages AS m JOIN users AS u ON u.id = m.to_user_id"
                " WHERE m.tenant_id = v_tenant_id;",
                "u",
            ),
            (
                "PERFORM FROM skill_messages AS m WHERE m.tenant_id = v_tenant_id AND EXISTS"
                " (SELECT FROM skill_messages_private.user_names AS n WHERE n.id = m.to_user_id);",
                "n",
            ),
            (f"{NEW} VALUES ('a', current_setting('x'), 'ann');", "INSERT"),
            (f"{NEW} VALUES ('a', v_tenant_id, 'ann'), ('b', 'acme', 'ann');", "INSERT"),
            ("INSERT INTO skill_messages (id) VALUES ('a');", "INSERT"),
        ]
    ),
    (
        scale_out.the_tenant_is_read_once,
        function(
            "PERFORM FROM skill_messages AS m"
            " WHERE m.tenant_id = skill_messages_private.current_skill_message_tenant();"
        ),
        "offender: in a query",
    ),
    (
        scale_out.the_tenant_is_read_once,
        function(
            "v_tenant_id := current_setting('app.current_tenant_id');"
            " PERFORM FROM skill_messages AS m WHERE m.tenant_id = v_tenant_id;"
        ),
        "offender: 2 times",
    ),
    (
        scale_out.what_is_called_runs_no_text,
        function("EXECUTE 'SELECT count(*) FROM skill_messages';"),
        "offender: EXECUTE",
    ),
    (
        scale_out.the_context_travels,
        function("PERFORM set_config('app.current_user_id', 'ann', true);"),
        "offender: app.current_user_id",
    ),
    (
        scale_out.inserts_return_or_have_values,
        function(f"{NEW} SELECT 'a', v_tenant_id, e FROM jsonb_array_elements('[]') AS e;"),
        "offender: no RETURNING",
    ),
    (
        scale_out.inserts_return_or_have_values,
        function(f"{NEW} SELECT unnest('{{a}}'::text[]), v_tenant_id, 'ann' RETURNING m.id;"),
        "offender: rows in the SELECT list",
    ),
    *(
        (
            scale_out.set_mixes_no_column_with_a_clock,
            function(f"UPDATE skill_messages AS m SET read_at = coalesce(m.read_at, {clock});"),
            "offender: SET read_at",
        )
        for clock in ("now()", "CURRENT_TIMESTAMP", "date_trunc('day', clock_timestamp())")
    ),
    *(
        (scale_out.no_row_type_in_a_signature, function("NULL;", signature), "offender")
        for signature in (
            "offender() RETURNS skill_messages",
            "offender() RETURNS SETOF users",
            "offender(m skill_messages[]) RETURNS void",
            "offender(OUT m skill_messages, OUT n int) RETURNS record",
        )
    ),
    *(
        (
            scale_out.triggers_are_before_and_by_row,
            TRIGGER.format(when, how, RAISE),
            "offender",
        )
        for when, how in (
            ("AFTER INSERT", "FOR EACH ROW"),
            ("BEFORE INSERT", "FOR EACH STATEMENT"),
            ("AFTER INSERT", "REFERENCING NEW TABLE AS t FOR EACH STATEMENT"),
        )
    ),
    (
        scale_out.triggers_read_no_table,
        function("PERFORM FROM users; RETURN NEW;", "offender() RETURNS trigger")
        + ";"
        + TRIGGER.format("BEFORE INSERT", "FOR EACH ROW", "offender()"),
        "offender: users",
    ),
    (
        scale_out.every_unique_key_has_the_tenant,
        "CREATE UNIQUE INDEX offender ON skill_messages (id) INCLUDE (tenant_id)",
        "offender",
    ),
    (
        scale_out.every_unique_key_has_the_tenant,
        "ALTER TABLE users ADD CONSTRAINT offender UNIQUE (name)",
        "offender",
    ),
    (
        scale_out.every_foreign_key_has_the_tenant,
        "ALTER TABLE skill_messages ADD CONSTRAINT offender"
        " FOREIGN KEY (subject_skill_id, tenant_id) REFERENCES skills (tenant_id, id)",
        "offender",
    ),
    *(
        (scale_out.every_door_has_the_tenant, f"{POLICY} {rule}", "offender on skill_messages")
        for rule in (
            "SELECT USING (true)",
            f"SELECT USING ({TENANT} OR true)",
            f"ALL USING ({TENANT}) WITH CHECK (true)",
            f"ALL USING (true) WITH CHECK ({TENANT})",
            "INSERT WITH CHECK (to_user_id = 'ann')",
            "SELECT USING (tenant_id = current_setting('app.current_user_id', true))",
        )
    ),
]


@pytest.fixture(scope="module")
def inspected(request: pytest.FixtureRequest) -> Iterator[Connection]:
    server, template = map(request.getfixturevalue, ("server", "template"))
    database = Database(server, "scale_out")
    server.create_database(database.name, template)
    with database.connect() as connection:
        yield connection
    server.drop_database(database.name)


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, *_ in OFFENDERS))
def test_nothing_breaks_the_rule(inspected: Connection, rule: Rule) -> None:
    assert rule(inspected) == []


@pytest.mark.parametrize(("rule", "offender", "found"), OFFENDERS)
def test_the_rule_catches_what_breaks_it(
    inspected: Connection, rule: Rule, offender: str, found: str
) -> None:
    with inspected.transaction(force_rollback=True):
        known = rule(inspected)
        inspected.execute(offender.encode())
        assert set(rule(inspected)) - set(known) == {found}
