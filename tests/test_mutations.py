"""The tests are tested: each weakening of the schema must turn pgTAP and Sqitch's verify red."""

from pathlib import Path

import pytest
from conftest import Database
from server import ROOT, pg_prove, sqitch

TENANT = "tenant_id = current_setting('app.current_tenant_id', true)"

# What a migration or a DBA might do.
WEAKENINGS = {
    "no FORCE": "ALTER TABLE skill_messages NO FORCE ROW LEVEL SECURITY",
    "no row-level security": "ALTER TABLE skill_messages DISABLE ROW LEVEL SECURITY",
    "host table without FORCE": "ALTER TABLE skills NO FORCE ROW LEVEL SECURITY",
    "tenant_isolation reads all": "ALTER POLICY tenant_isolation ON skill_messages USING (true)",
    "tenant_isolation writes all": (
        "ALTER POLICY tenant_isolation ON skill_messages WITH CHECK (true)"
    ),
    "tenant_isolation permissive": (
        "DROP POLICY tenant_isolation ON skill_messages;"
        f"CREATE POLICY tenant_isolation ON skill_messages USING ({TENANT}) WITH CHECK ({TENANT})"
    ),
    "tenant_access for all tenants": "ALTER POLICY tenant_access ON skill_messages USING (true)",
    "a second door": f"CREATE POLICY other ON skill_messages FOR SELECT USING ({TENANT})",
    "app reads all of the tenant": "ALTER POLICY app_reads_own ON skill_messages USING (true)",
    "app sends as anybody": "ALTER POLICY app_sends_as_itself ON skill_messages WITH CHECK (true)",
    "app answers for anybody": "ALTER POLICY app_answers_received ON skill_messages USING (true)",
    "empty tenant": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_tenant_id_check",
    "empty user": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_to_user_id_check",
    "blank message": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_message_check",
    "unknown status": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_status_check",
    "answered at no time": "DROP TRIGGER time_of_answer ON skill_messages",
    "answered at any time": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_answered_at_check"
    ),
    "answered twice": "DROP TRIGGER answered_once ON skill_messages",
    "read twice": "DROP TRIGGER first_reading_stands ON skill_messages",
    "rewritten": "ALTER TABLE skill_messages DISABLE TRIGGER content_never_changes",
    "born accepted": "DROP TRIGGER born_pending_and_unread ON skill_messages",
    "security definer": "ALTER FUNCTION get_messages_for_user SECURITY DEFINER",
    "open search_path": "ALTER FUNCTION send_skill_message RESET search_path",
    "function for PUBLIC": "GRANT EXECUTE ON FUNCTION mark_message_read TO PUBLIC",
    "table for PUBLIC": "GRANT SELECT ON skill_messages TO PUBLIC",
    "service deletes": "GRANT DELETE ON skill_messages TO skill_messages_service",
    "service rewrites": "GRANT UPDATE (message) ON skill_messages TO skill_messages_service",
    "app backdates": "GRANT INSERT (created_at) ON skill_messages TO skill_messages_app",
    "users of another tenant": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_to_user_id_fkey,"
        " ADD CONSTRAINT skill_messages_to_user_id_fkey"
        " FOREIGN KEY (to_user_id) REFERENCES users (id)"
    ),
    "skills of another tenant": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_subject_skill_id_fkey,"
        " ADD CONSTRAINT skill_messages_subject_skill_id_fkey"
        " FOREIGN KEY (subject_skill_id) REFERENCES skills (id) ON DELETE CASCADE"
    ),
    "no cascade": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_subject_skill_id_fkey,"
        " ADD CONSTRAINT skill_messages_subject_skill_id_fkey"
        " FOREIGN KEY (tenant_id, subject_skill_id) REFERENCES skills (tenant_id, id)"
    ),
    "retention reads texts": "GRANT SELECT ON skill_messages TO skill_messages_retention",
    "retention for all tenants": "ALTER POLICY retention_access ON skill_messages USING (true)",
    "service purges": "GRANT EXECUTE ON PROCEDURE purge_skill_messages TO skill_messages_service",
    "no index on the recipient": "DROP INDEX skill_messages_to_user_idx",
}

# What somebody might do to a function: change, what stands there, what stands there then.
REWRITES = {
    "inbox unordered": ("get_messages_for_user", "ORDER BY m.created_at DESC, m.id DESC", ""),
    "inbox with ties": ("get_messages_for_user", "DESC, m.id DESC", "DESC"),
    "inbox of anybody": (
        "get_messages_for_user",
        "user_id = current_setting('app.current_user_id', true)",
        "true",
    ),
    "sent box of anybody": (
        "get_messages_from_user",
        "user_id = current_setting('app.current_user_id', true)",
        "true",
    ),
    "count of anybody": (
        "get_unread_count_for_user",
        "user_id = current_setting('app.current_user_id', true)",
        "true",
    ),
    "inbox without tenant": ("get_messages_for_user", "v_tenant_id <> ''", "true"),
    "inbox of nobody": ("get_messages_for_user", "user_id <> ''", "true"),
    "sent box of nobody": ("get_messages_from_user", "user_id <> ''", "true"),
    "count of nobody": ("get_unread_count_for_user", "user_id <> ''", "true"),
    "sent by nobody": ("send_skill_message", "from_user_id <> ''", "true"),
    "endless page": ("get_messages_for_user", "max_messages BETWEEN 1 AND 1000", "true"),
    "half a position": (
        "get_messages_for_user",
        "(before_created_at IS NULL) = (before_id IS NULL)",
        "true",
    ),
    "no message without context": (
        "raise_no_such_skill_message",
        "PERFORM public.current_skill_message_tenant();",
        "",
    ),
    "batch of anything": (
        "check_skill_message_batch",
        """OR e.element @? 'strict $.* ? (@.type() != "string" && @.type() != "null")'""",
        "",
    ),
    "batch with other keys": ("check_skill_message_batch", "e.element - c_keys <> '{}'", "false"),
    "batch of lists": ("check_skill_message_batch", "'strict $.*", "'$.*"),
    "inbox of the other end": ("get_messages_for_user", "m.to_user_id =", "m.from_user_id ="),
    "count includes read": (
        "get_unread_count_for_user",
        "AND m.read_at IS NULL\n            LIMIT",
        "LIMIT",
    ),
    "count without end": ("get_unread_count_for_user", "LIMIT at_most", ""),
    "last reading stands": ("mark_message_read", "coalesce(m.read_at, now())", "now()"),
    "same decision twice": ("update_message_status", "AND m.status = 'pending'", ""),
    "retry with other content": ("check_skill_message_retry", "AND m.message =", "AND '' <>"),
    "no user needed": ("current_skill_message_tenant", "v_user_id IS NULL", "false"),
    "acting for anybody": ("current_skill_message_tenant", "acting_user_id <> v_user_id", "false"),
    "no tenant needed": ("current_skill_message_tenant", "v_tenant_id IS NULL", "false"),
    "sent box unordered": ("get_messages_from_user", "ORDER BY m.created_at DESC, m.id DESC", ""),
    "batch in another's name": (
        "send_skill_messages",
        "PERFORM public.current_skill_message_tenant(v_from_user_id);",
        "v_from_user_id := v_from_user_id;",
    ),
    "batch without positions": ("send_skill_messages", "v_place || sqlerrm", "sqlerrm"),
    "reads later ones too": ("mark_messages_read", "AND m.created_at <= up_to_created_at", ""),
    "purges pending ones": (
        "delete_skill_messages",
        "(include_pending OR old.status <> 'pending')",
        "true",
    ),
    "exports sent ones only": ("export_user_messages", "m.to_user_id = user_id AND", "false AND"),
    "erases nothing": (
        "erase_user_messages",
        "SET message = '[erased]'",
        "SET message = m.message",
    ),
    "stats of all tenants": ("get_message_stats", "m.tenant_id = v_tenant_id", "true"),
    "message page of any tenant": (
        "get_skill_message",
        "WHERE m.tenant_id = v_tenant_id AND",
        "WHERE",
    ),
    "user lingers": ("set_skill_message_context", "coalesce(user_id, '')", "user_id"),
}


# Those that notice most come first: one red file is enough.
FILES = sorted(
    (Path(__file__).parent / "pgtap").glob("*/*.sql"),
    key=lambda file: file.stem not in ("structure", "catalogue", "isolation_functions"),
)


def assert_pgtap_is_red(database: Database) -> None:
    for file in FILES:
        report = pg_prove(database.server, database.name, file)
        if report.returncode != 0:
            assert "Failed" in report.stdout or "ERROR" in report.stderr
            return
    pytest.fail("no pgTAP file noticed")


@pytest.mark.parametrize("name", WEAKENINGS)
def test_a_weaker_schema_is_noticed(deployed: Database, name: str) -> None:
    with deployed.connect() as connection:
        connection.execute(WEAKENINGS[name].encode())
    verify = sqitch("verify", deployed.target)
    assert verify.returncode != 0, verify.stdout
    assert_pgtap_is_red(deployed)


@pytest.mark.parametrize("name", REWRITES)
def test_a_wrong_function_is_noticed(deployed: Database, name: str) -> None:
    change, old, new = REWRITES[name]
    script = (ROOT / f"deploy/{change}.sql").read_text()
    assert script.count(old) == 1
    script = script.replace(old, new).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    with deployed.connect() as connection:
        connection.execute(script.encode())
    assert_pgtap_is_red(deployed)
