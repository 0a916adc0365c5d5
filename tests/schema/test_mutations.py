"""The tests are tested: each weakening of the schema must turn pgTAP and the verify scripts red.

Each is made in the transaction of the verify scripts or of a pgTAP file, which rolls it back: so
one database serves all, and each is seen by itself.

Left out is what pgTAP cannot see, because it takes two sessions, two transactions or another
locale: what locks do (test_concurrency, test_plans), the tenant that a session has set
(test_client), and the collation of ties (test_sqitch).
"""

import os
import re
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Database, script
from tools.onefile import parse
from tools.server import DEPLOYER, ROOT, Server

TENANT = "tenant_id = current_setting('app.current_tenant_id', true)"

# What a migration or a DBA might do.
WEAKENINGS = {
    # Isolation.
    "no FORCE": "ALTER TABLE skill_messages NO FORCE ROW LEVEL SECURITY",
    "no row-level security": "ALTER TABLE skill_messages DISABLE ROW LEVEL SECURITY",
    "tenant_isolation reads all": "ALTER POLICY tenant_isolation ON skill_messages USING (true)",
    "tenant_isolation writes all": (
        "ALTER POLICY tenant_isolation ON skill_messages WITH CHECK (true)"
    ),
    "tenant_isolation permissive": (
        "DROP POLICY tenant_isolation ON skill_messages;"
        f"CREATE POLICY tenant_isolation ON skill_messages USING ({TENANT}) WITH CHECK ({TENANT})"
    ),
    "tenant_access for all tenants": "ALTER POLICY tenant_access ON skill_messages USING (true)",
    "no wall that is evaluated first": "DROP POLICY always_current_tenant ON skill_messages",
    "a second door": f"CREATE POLICY other ON skill_messages FOR SELECT USING ({TENANT})",
    "app reads all of the tenant": "ALTER POLICY app_reads_own ON skill_messages USING (true)",
    "app sends as anybody": "ALTER POLICY app_sends_as_itself ON skill_messages WITH CHECK (true)",
    "app answers for anybody": "ALTER POLICY app_answers_received ON skill_messages USING (true)",
    "retention for all tenants": "ALTER POLICY retention_access ON skill_messages USING (true)",
    # The tables of the host, where they are ours.
    "host table without FORCE": "ALTER TABLE skills NO FORCE ROW LEVEL SECURITY",
    "host table reads all": "ALTER POLICY tenant_isolation ON users USING (true)",
    "host table with a second door": "CREATE POLICY other ON users FOR SELECT USING (true)",
    "host table without the first wall": "DROP POLICY always_current_tenant ON users",
    "host table with a rule": "CREATE RULE spy AS ON INSERT TO users DO ALSO NOTIFY spy",
    "host table with a trigger": (
        "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
        "CREATE TRIGGER spy BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION spy()"
    ),
    "host table that tells a channel": (
        "CREATE FUNCTION tap.spy() RETURNS trigger LANGUAGE plpgsql"
        " AS $$BEGIN PERFORM pg_notify('spy', to_json(new)::text); RETURN NULL; END$$;"
        "CREATE TRIGGER spy AFTER INSERT OR UPDATE ON skills"
        " FOR EACH ROW EXECUTE FUNCTION tap.spy()"
    ),
    "host table with a parent": (
        "CREATE TABLE tap.parent (id text NOT NULL); ALTER TABLE users INHERIT tap.parent"
    ),
    "host table with an empty id": "ALTER TABLE users DROP CONSTRAINT users_id_check",
    "host table with an empty tenant": "ALTER TABLE skills DROP CONSTRAINT skills_tenant_id_check",
    "an empty tenant": "ALTER TABLE tenants DROP CONSTRAINT tenants_id_check",
    "users of no tenant": "ALTER TABLE users DROP CONSTRAINT users_tenant_id_fkey",
    "skills of no tenant": "ALTER TABLE skills DROP CONSTRAINT skills_tenant_id_fkey",
    "users that go with their tenant": (
        "ALTER TABLE users DROP CONSTRAINT users_tenant_id_fkey, ADD CONSTRAINT"
        " users_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE"
    ),
    "skills that go with their tenant": (
        "ALTER TABLE skills DROP CONSTRAINT skills_tenant_id_fkey, ADD CONSTRAINT"
        " skills_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE"
    ),
    "key of users without tenant": (
        "ALTER TABLE users ADD UNIQUE (tenant_id, id);"
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_from_user_id_fkey,"
        " DROP CONSTRAINT skill_messages_to_user_id_fkey;"
        "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (id);"
        "ALTER TABLE skill_messages ADD CONSTRAINT skill_messages_from_user_id_fkey"
        " FOREIGN KEY (tenant_id, from_user_id) REFERENCES users (tenant_id, id),"
        " ADD CONSTRAINT skill_messages_to_user_id_fkey"
        " FOREIGN KEY (tenant_id, to_user_id) REFERENCES users (tenant_id, id)"
    ),
    # Keys and checks.
    "primary key without tenant": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_pkey,"
        " ADD CONSTRAINT skill_messages_pkey PRIMARY KEY (id)"
    ),
    "users of another tenant": (
        "ALTER TABLE users ADD UNIQUE (id);"
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_to_user_id_fkey,"
        " ADD CONSTRAINT skill_messages_to_user_id_fkey"
        " FOREIGN KEY (to_user_id) REFERENCES users (id)"
    ),
    "skills of another tenant": (
        "ALTER TABLE skills ADD UNIQUE (id);"
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_subject_skill_id_fkey,"
        " ADD CONSTRAINT skill_messages_subject_skill_id_fkey"
        " FOREIGN KEY (subject_skill_id) REFERENCES skills (id) ON DELETE CASCADE"
    ),
    "no cascade": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_subject_skill_id_fkey,"
        " ADD CONSTRAINT skill_messages_subject_skill_id_fkey"
        " FOREIGN KEY (tenant_id, subject_skill_id) REFERENCES skills (tenant_id, id)"
    ),
    "set null, the tenant too": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_proposed_parent_skill_id_fkey,"
        " ADD CONSTRAINT skill_messages_proposed_parent_skill_id_fkey"
        " FOREIGN KEY (tenant_id, proposed_parent_skill_id) REFERENCES skills (tenant_id, id)"
        " ON DELETE SET NULL"
    ),
    "an id of any length": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_id_check",
    "empty tenant": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_tenant_id_check",
    "empty sender": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_from_user_id_check",
    "empty user": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_to_user_id_check",
    "blank message": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_message_check",
    "invisible message": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_message_check,"
        " ADD CONSTRAINT skill_messages_message_check"
        r" CHECK (char_length(message) <= 10000 AND message ~ '\S')"
    ),
    "unknown status": "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_status_check",
    "sent before 1970": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_created_at_check"
    ),
    "read before it was sent": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_read_at_check"
    ),
    "answered at any time": (
        "ALTER TABLE skill_messages DROP CONSTRAINT skill_messages_answered_at_check"
    ),
    "no index on the recipient": "DROP INDEX skill_messages_to_user_idx",
    "times that are rounded": "ALTER TABLE skill_messages ALTER created_at SET DEFAULT now()",
    # The rules of a message's life.
    "born accepted": "DROP TRIGGER born_pending_and_unread ON skill_messages",
    "answered twice": "DROP TRIGGER answered_once ON skill_messages",
    "rewritten": "ALTER TABLE skill_messages DISABLE TRIGGER content_never_changes",
    "any time of birth": "DROP TRIGGER times_of_birth ON skill_messages",
    "any time of reading, and none of the answer": "DROP TRIGGER times_of_life ON skill_messages",
    # What sees every message.
    "a trigger": (
        "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
        "CREATE TRIGGER spy AFTER INSERT ON skill_messages FOR EACH ROW EXECUTE FUNCTION spy()"
    ),
    "a rule": "CREATE RULE spy AS ON INSERT TO skill_messages DO ALSO NOTIFY spy",
    "a child table": "CREATE TABLE child () INHERITS (skill_messages)",
    # What is kept, and where.
    "statistics of the texts": "ALTER TABLE skill_messages ALTER message SET STATISTICS -1",
    "statistics with values": (
        "DROP STATISTICS skill_messages_to_user_stats;"
        "CREATE STATISTICS skill_messages_to_user_stats (DEPENDENCIES, NDISTINCT, MCV)"
        " ON tenant_id, to_user_id FROM skill_messages"
    ),
    "statistics of one kind": (
        "DROP STATISTICS skill_messages_to_user_stats;"
        "CREATE STATISTICS skill_messages_to_user_stats (DEPENDENCIES)"
        " ON tenant_id, to_user_id FROM skill_messages"
    ),
    "statistics of the other kind": (
        "DROP STATISTICS skill_messages_from_user_stats;"
        "CREATE STATISTICS skill_messages_from_user_stats (NDISTINCT)"
        " ON tenant_id, from_user_id FROM skill_messages"
    ),
    "no statistics of the sender": "DROP STATISTICS skill_messages_from_user_stats",
    "unlogged": "ALTER TABLE skill_messages SET UNLOGGED",
    # Privileges.
    "table for PUBLIC": "GRANT SELECT ON skill_messages TO PUBLIC",
    "table for a login": "GRANT DELETE, TRUNCATE ON skill_messages TO app_login",
    "column for a login": "GRANT SELECT (message) ON skill_messages TO retention_login",
    "table to be passed on": (
        "GRANT SELECT ON skill_messages TO skill_messages_app WITH GRANT OPTION"
    ),
    "service deletes": "GRANT DELETE ON skill_messages TO skill_messages_service",
    "service rewrites": "GRANT UPDATE (message) ON skill_messages TO skill_messages_service",
    "app backdates": "GRANT INSERT (created_at) ON skill_messages TO skill_messages_app",
    "retention reads texts": "GRANT SELECT ON skill_messages TO skill_messages_retention",
    "retention reads the text alone": (
        "GRANT SELECT (message) ON skill_messages TO skill_messages_retention"
    ),
    "service purges": "GRANT EXECUTE ON PROCEDURE purge_skill_messages TO skill_messages_service",
    "function for PUBLIC": "GRANT EXECUTE ON FUNCTION mark_message_read TO PUBLIC",
    "function for a login": "GRANT EXECUTE ON FUNCTION get_message_stats TO retention_login",
    "function to be passed on": (
        "GRANT EXECUTE ON FUNCTION send_skill_message TO skill_messages_app WITH GRANT OPTION"
    ),
    "helper for PUBLIC": (
        "GRANT EXECUTE ON FUNCTION skill_messages_private.check_skill_message_retry TO PUBLIC"
    ),
    "trigger function for a login": (
        "GRANT EXECUTE ON FUNCTION skill_messages_private.set_skill_message_times TO service_login"
    ),
    "names for PUBLIC": "GRANT SELECT ON skill_messages_private.user_names TO PUBLIC",
    "names for a login": "GRANT SELECT ON skill_messages_private.tenant_names TO retention_login",
    "names to be changed": "GRANT UPDATE ON skill_messages_private.skill_names TO app_login",
    "names as their owner": "ALTER VIEW skill_messages_private.user_names RESET (security_invoker)",
    "totals for a login": "GRANT SELECT ON skill_message_totals TO service_login",
    "names of another owner": "ALTER VIEW skill_messages_private.user_names OWNER TO postgres",
    "totals of another owner": "ALTER VIEW skill_message_totals OWNER TO postgres",
    "totals as their owner": "ALTER VIEW skill_message_totals SET (security_invoker = false)",
    "private schema for PUBLIC": "GRANT USAGE ON SCHEMA skill_messages_private TO PUBLIC",
    "private schema for a login": "GRANT USAGE ON SCHEMA skill_messages_private TO app_login",
    "private schema to create in": (
        "GRANT CREATE ON SCHEMA skill_messages_private TO skill_messages_service"
    ),
    "public schema for PUBLIC": "GRANT CREATE ON SCHEMA public TO PUBLIC",
    "public schema for app": "GRANT CREATE ON SCHEMA public TO skill_messages_app",
    # Functions.
    "security definer": "ALTER FUNCTION get_messages_for_user SECURITY DEFINER",
    "helper as its owner": (
        "ALTER FUNCTION skill_messages_private.check_skill_message_retry SECURITY DEFINER"
    ),
    "open search_path": "ALTER FUNCTION send_skill_message RESET search_path",
    "search_path with public": (
        "ALTER FUNCTION mark_message_read SET search_path = pg_catalog, public"
    ),
    "function immutable": "ALTER FUNCTION get_messages_for_user IMMUTABLE",
    "one message immutable": "ALTER FUNCTION get_skill_message IMMUTABLE",
    "count immutable": "ALTER FUNCTION get_unread_count_for_user IMMUTABLE",
    "tenant immutable": (
        "ALTER FUNCTION skill_messages_private.current_skill_message_tenant IMMUTABLE"
    ),
    "function leakproof": "ALTER FUNCTION skill_messages_private.acts_as_app LEAKPROOF",
    "names leakproof": "ALTER FUNCTION get_named_messages_for_user LEAKPROOF",
    "export leakproof": "ALTER FUNCTION export_user_messages LEAKPROOF",
    "function strict": "ALTER FUNCTION set_skill_message_context(text, text) STRICT",
    "function of another owner": "ALTER FUNCTION get_message_stats OWNER TO postgres",
    "helper of another owner": (
        "ALTER FUNCTION skill_messages_private.check_skill_message_caller OWNER TO postgres"
    ),
    "trigger function of another owner": (
        "ALTER FUNCTION skill_messages_private.refuse_skill_message_change OWNER TO postgres"
    ),
    "table of another owner": "ALTER TABLE skill_messages OWNER TO postgres",
    "an overload": (
        "CREATE FUNCTION get_messages_for_user(text, smallint) RETURNS void"
        " LANGUAGE sql BEGIN ATOMIC SELECT; END"
    ),
    "an overload of a helper": (
        "CREATE FUNCTION skill_messages_private.raise_read_only(varchar) RETURNS void"
        " LANGUAGE sql BEGIN ATOMIC SELECT; END"
    ),
}

# What the verify scripts pass over as the DBA's business, or only say in a notice; pgTAP does not.
OVERSIGHTS = {
    "published": "CREATE PUBLICATION spy FOR TABLE skill_messages",
    "published with all": "CREATE PUBLICATION spy FOR ALL TABLES",
    "published with the schema": "CREATE PUBLICATION spy FOR TABLES IN SCHEMA public",
    "host table published": "CREATE PUBLICATION spy FOR TABLE users (id, tenant_id)",
    "rows without identity": "ALTER TABLE skill_messages REPLICA IDENTITY NOTHING",
    "app makes users": "GRANT INSERT (id, tenant_id, name) ON users TO skill_messages_app",
    "app renames a skill": "GRANT UPDATE (name) ON skills TO skill_messages_app",
    "app moves users": "GRANT UPDATE (tenant_id) ON users TO skill_messages_app",
    "retention makes tenants": "GRANT INSERT (id) ON tenants TO skill_messages_retention",
    "retention moves skills": "GRANT UPDATE (tenant_id) ON skills TO skill_messages_retention",
    "app makes schemas": (
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO skill_messages_app',"
        " current_database()); END $$"
    ),
    "tenants deleted from under users": (
        "DO $$ BEGIN EXECUTE (SELECT format('ALTER TABLE tenants DISABLE TRIGGER %I', t.tgname)"
        " FROM pg_trigger AS t JOIN pg_constraint AS c ON c.oid = t.tgconstraint"
        " WHERE c.conname = 'users_tenant_id_fkey' AND t.tgrelid = 'tenants'::regclass"
        " ORDER BY t.tgname LIMIT 1); END $$"
    ),
    "statistics of names": "CREATE STATISTICS spy (MCV) ON tenant_id, name FROM users",
    "statistics not kept": "ALTER STATISTICS skill_messages_to_user_stats SET STATISTICS 0",
    "a count of values made up": "ALTER TABLE skill_messages ALTER to_user_id SET (n_distinct = 1)",
    "texts in the row": "ALTER TABLE skill_messages ALTER message SET STORAGE PLAIN",
    "a costly function": "ALTER FUNCTION get_messages_for_user COST 100000",
    "a function of few rows": "ALTER FUNCTION get_named_messages_for_user ROWS 1",
}

LIFE, TIMES = "rules/message_life", "rules/message_times"

# Triggers that let something through: the change, what stands there, what stands there then.
TRIGGERS = {
    "born erased": (LIFE, "OR new.message = '[erased]'", ""),
    "born read": (LIFE, "OR new.read_at IS NOT null ", ""),
    "a decision revised": (LIFE, "old.status <> 'pending' AND", "old.status = 'accepted' AND"),
    "another id": (LIFE, "new.id IS DISTINCT FROM old.id\n", "false\n"),
    "another tenant": (LIFE, "OR new.tenant_id IS DISTINCT FROM old.tenant_id", ""),
    "another sender": (LIFE, "OR new.from_user_id IS DISTINCT FROM old.from_user_id", ""),
    "another recipient": (LIFE, "OR new.to_user_id IS DISTINCT FROM old.to_user_id", ""),
    "another subject": (LIFE, "OR new.subject_skill_id IS DISTINCT FROM old.subject_skill_id", ""),
    "sent at another time": (LIFE, "OR new.created_at IS DISTINCT FROM old.created_at", ""),
    "answered at another time": (LIFE, "OR new.answered_at IS DISTINCT FROM old.answered_at", ""),
    "a text guessed": (
        LIFE,
        "OR NOT has_column_privilege('public.skill_messages', 'message', 'SELECT')",
        "",
    ),
    "a parent taken away": (
        LIFE,
        "(new.proposed_parent_skill_id IS NOT null OR pg_trigger_depth() = 0)",
        "new.proposed_parent_skill_id IS NOT null",
    ),
    "sent ahead of the clock": (TIMES, "new.created_at > clock_timestamp()\n    OR", ""),
    "sent at a microsecond": (
        TIMES,
        "OR new.created_at <> date_trunc('milliseconds', new.created_at)",
        "",
    ),
    "read once more": (
        TIMES,
        "(old.read_at IS NOT null AND new.read_at IS DISTINCT FROM old.read_at)\n    OR",
        "",
    ),
    "read before it was sent": (TIMES, "OR new.read_at < old.created_at", ""),
    "read ahead of the clock": (TIMES, "OR new.read_at > clock_timestamp()", ""),
    "read at a microsecond": (
        TIMES,
        "OR new.read_at <> date_trunc('milliseconds', new.read_at)",
        "",
    ),
    "answered at no time": (
        TIMES,
        "OR (old.status = 'pending' AND new.status <> 'pending')",
        "",
    ),
}

# What lies just outside the limits, or just inside.
ENDS = {
    "0 to 1000": "NOT BETWEEN 0 AND 1000",
    "2 to 1000": "NOT BETWEEN 2 AND 1000",
    "1 to 999": "NOT BETWEEN 1 AND 999",
    "1 to 1001": "NOT BETWEEN 1 AND 1001",
}

BOXES = "operations/get_messages"
NAMED = "operations/get_named_messages"
COUNT = "operations/get_unread_count_for_user"
PAGE = "operations/get_skill_message"
PAGES = "private/check_skill_message_page"
SEND = "operations/send_skill_message"
BATCH = "operations/send_skill_messages"
READ = "operations/mark_message_read"
READ_ALL = "operations/mark_messages_read"
ANSWER = "operations/update_message_status"
EXPORT = "operations/export_user_messages"
SWITCH = "operations/notifications"
CONTEXT = "operations/set_skill_message_context"
CHOICE = "private/check_skill_message_context"
CALLER = "private/check_skill_message_caller"
CURRENT = "private/current_skill_message_tenant"
FORM = "private/check_skill_message_batch"
RETRY = "private/check_skill_message_retry"
VIOLATION = "private/raise_skill_message_violation"
ABSENT = "private/raise_no_such_skill_message"
ERASE = "retention/erase_user_messages"
PURGE = "retention/purge_skill_messages"
PURGE_BATCH = "retention/delete_skill_messages"
STATS = "monitoring/get_message_stats"
SHORT_LOCKS = "private/short_locks"
VERIFY_FUNCTION = "private/verify_function"

ASK = "PERFORM skill_messages_private.check_skill_message_caller();"
ASK_RETENTION = ASK.replace("()", "(ARRAY['skill_messages_retention'])")
SIGNED_IN = "v_user_id = current_setting('app.current_user_id', true)"
IN_CONTEXT = "coalesce(user_id, nullif(current_setting('app.current_user_id', true), ''))"
READ_ONLY = "current_setting('transaction_read_only') = 'on'"

# What somebody might do to a function: change, what stands there, what stands there then.
REWRITES = {
    # The boxes.
    "inbox unordered": (BOXES, 'ORDER BY m.created_at DESC, m.id COLLATE "C" DESC', ""),
    "inbox with ties": (BOXES, ', m.id COLLATE "C" DESC', ""),
    "inbox of anybody": (BOXES, f"AND v_user_id <> '' AND {SIGNED_IN}", ""),
    "inbox without tenant": (BOXES, "v_tenant_id <> ''", "true"),
    "the same page again": (
        BOXES,
        'AND (m.created_at, m.id COLLATE "C") < (v_before_created_at, v_before_id COLLATE "C")',
        "",
    ),
    "inbox of the other end": (BOXES, "'to_user_id', 'received'", "'from_user_id', 'received'"),
    "sent box of the other end": (BOXES, "'from_user_id', 'sent'", "'to_user_id', 'sent'"),
    "inbox without the answers": (BOXES, "m.read_at, m.answered_at", "m.read_at, m.read_at"),
    "inbox of a user that is named only": (BOXES, IN_CONTEXT, "user_id"),
    # The boxes with names.
    "named inbox unordered": (NAMED, 'ORDER BY m.created_at DESC, m.id COLLATE "C" DESC', ""),
    "the same named page again": (
        NAMED,
        'AND (m.created_at, m.id COLLATE "C") < (v_before_created_at, v_before_id COLLATE "C")',
        "",
    ),
    "named inbox of any tenant": (NAMED, "m.tenant_id = v_tenant_id\n            AND", ""),
    "named inbox of the other end": (
        NAMED,
        "'to_user_id', 'received'",
        "'from_user_id', 'received'",
    ),
    "named sent box of the other end": (NAMED, "'from_user_id', 'sent'", "'to_user_id', 'sent'"),
    "named inbox of a user that is named only": (NAMED, IN_CONTEXT, "user_id"),
    "senders of another tenant": (NAMED, "sender.tenant_id = v_tenant_id AND", ""),
    "parents of another tenant": (NAMED, "parent.tenant_id = v_tenant_id AND", ""),
    "the tenant of nobody": (NAMED, "WHERE tenant.id = v_tenant_id", "LIMIT 1"),
    "recipients by the wrong id": (
        NAMED,
        "recipient.id = m.to_user_id",
        "recipient.id = m.from_user_id",
    ),
    "only messages whose names are shown": (
        NAMED,
        "FROM public.skill_messages AS m\n",
        "FROM public.skill_messages AS m INNER JOIN skill_messages_private.user_names AS u"
        " ON u.tenant_id = m.tenant_id AND u.id = m.to_user_id\n",
    ),
    "a named inbox without the GRANT to ask for": (
        NAMED,
        "WHEN insufficient_privilege THEN",
        "WHEN division_by_zero THEN",
    ),
    # The badge.
    "count of anybody": (COUNT, f"AND v_user_id <> '' AND {SIGNED_IN}", ""),
    "count without tenant": (COUNT, "v_tenant_id <> ''", "true"),
    "count includes read": (COUNT, "AND m.read_at IS NULL\n                LIMIT", "\nLIMIT"),
    "count without end": (COUNT, "LIMIT at_most", ""),
    "count of a user that is named only": (COUNT, IN_CONTEXT, "user_id"),
    # One message.
    "message page of any tenant": (PAGE, "WHERE m.tenant_id = v_tenant_id AND", "WHERE"),
    "names of another tenant's users": (PAGE, "sender.tenant_id = m.tenant_id AND", ""),
    "names of the wrong end": (
        PAGE,
        "recipient.id = m.to_user_id",
        "recipient.id = m.from_user_id",
    ),
    "names of another tenant's recipients": (PAGE, "recipient.tenant_id = m.tenant_id AND", ""),
    "names of another tenant's skills": (PAGE, "subject.tenant_id = m.tenant_id AND", ""),
    "names of another tenant's parents": (PAGE, "parent.tenant_id = m.tenant_id AND", ""),
    "only messages whose tenant is shown": (
        PAGE,
        "LEFT JOIN skill_messages_private.tenant_names",
        "INNER JOIN skill_messages_private.tenant_names",
    ),
    **{
        f"only messages whose {who} is shown": (
            PAGE,
            f"LEFT JOIN skill_messages_private.{what}_names AS {who}",
            f"INNER JOIN skill_messages_private.{what}_names AS {who}",
        )
        for who, what in [
            ("sender", "user"),
            ("recipient", "user"),
            ("subject", "skill"),
            ("parent", "skill"),
        ]
    },
    "page without the answer": (PAGE, "m.read_at, m.answered_at", "m.read_at, m.read_at"),
    "no message without context": (
        ABSENT,
        "PERFORM skill_messages_private.current_skill_message_tenant();",
        "",
    ),
    # Sending.
    "a retry is refused": (SEND, "ON CONFLICT DO NOTHING", ""),
    "another's id is a retry": (SEND, "IF NOT FOUND THEN", "IF false THEN"),
    "retry with other content": (RETRY, "AND m.message =", "AND '' <>"),
    "retry with another parent": (
        RETRY,
        "IS NOT DISTINCT FROM check",
        "IS DISTINCT FROM '-' || check",
    ),
    "retry as another sender": (RETRY, "AND m.from_user_id =", "AND '' <>"),
    "no such constraint": (VIOLATION, "IF FOUND THEN", "IF false THEN"),
    "null is a failure": (VIOLATION, "IF violation = '23502' THEN", "IF violation IS NULL THEN"),
    "an error without a hint": (
        VIOLATION,
        "HINT = format('Give %s a value.', argument)",
        "HINT = ''",
    ),
    # Batches.
    "batch of anything": (
        FORM,
        """OR e.element @? 'strict $.* ? (@.type() != "string" && @.type() != "null")'""",
        "",
    ),
    "batch with other keys": (FORM, "e.element - c_keys <> '{}'", "false"),
    "batch of lists": (FORM, "'strict $.*", "'$.*"),
    "batch of any size": (FORM, "NOT BETWEEN 1 AND 1000", "NOT BETWEEN 0 AND 100000"),
    "batch at fault anywhere": (FORM, "ORDER BY e.position", "ORDER BY e.position DESC"),
    "batch without positions": (BATCH, "'message %: %', v_fault_position, v_fault", "'%', v_fault"),
    "batch at the last fault": (
        BATCH,
        "IF v_fault_position < v_element.ordinality IS NOT TRUE",
        "IF true",
    ),
    "batch in part": (BATCH, "IF v_fault_position IS NOT NULL THEN", "IF false THEN"),
    "batch with ids in no order": (
        BATCH,
        "        ORDER BY e.ordinality\n    );",
        "        ORDER BY e.ordinality DESC\n    );",
    ),
    "batch without parents": (
        BATCH,
        "coalesce(e.message, ''), e.proposed_parent_skill_id",
        "coalesce(e.message, ''), NULL",
    ),
    # Reading.
    "last reading stands": (
        READ,
        "RETURNING m.read_at INTO v_read_at",
        "RETURNING now() INTO v_read_at",
    ),
    "reads of any tenant": (READ, "WHERE m.tenant_id = v_tenant_id AND", "WHERE"),
    "reads later ones too": (READ_ALL, "AND m.read_at IS NULL AND m.created_at <= v_up_to", ""),
    "reads others than those": (
        READ_ALL,
        'AND m.id = ANY (message_ids COLLATE "default") AND m.read_at IS NULL',
        "AND m.read_at IS NULL",
    ),
    "reads those whatever the time": (
        READ_ALL,
        "AND (up_to_created_at IS NULL OR m.created_at <= up_to_created_at)",
        "",
    ),
    "counts those that were read": (
        READ_ALL,
        'AND m.id = ANY (message_ids COLLATE "default") AND m.read_at IS NULL',
        'AND m.id = ANY (message_ids COLLATE "default")',
    ),
    "reads any number": (READ_ALL, "cardinality(message_ids) > 1000", "false"),
    "reads for others": (
        READ_ALL,
        "m.to_user_id = v_user_id\n                AND m.id = ANY",
        "true AND m.id = ANY",
    ),
    "reads for a user that is named only": (READ_ALL, IN_CONTEXT, "user_id"),
    # Answering.
    "same decision twice": (ANSWER, "AND m.status = 'pending'", ""),
    "pending is a decision": (
        ANSWER,
        "NOT IN ('accepted', 'declined')",
        "NOT IN ('accepted', 'pending')",
    ),
    "a decision is told of others' messages": (ANSWER, "    FOR UPDATE;", ";"),
    "answered at another time": (ANSWER, "m.read_at, m.answered_at", "m.read_at, m.read_at"),
    # What else.
    "exports sent ones only": (EXPORT, "m.to_user_id = v_user_id AND", "false AND"),
    "exports those to oneself twice": (EXPORT, " AND m.from_user_id <> v_user_id", ""),
    "exports of a user that is named only": (EXPORT, IN_CONTEXT, "user_id"),
    "stats of all tenants": (STATS, "m.tenant_id = v_tenant_id", "true"),
    "switched by null": (SWITCH, "IF switched_on IS NULL THEN", "IF false THEN"),
    # Context.
    "user lingers": (
        CONTEXT,
        "coalesce(user_id, '')",
        "coalesce(user_id, current_setting('app.current_user_id', true), '')",
    ),
    "no tenant given": (CONTEXT, "IF coalesce(tenant_id, '') = '' THEN", "IF false THEN"),
    "context of any length": (CONTEXT, "> 255 THEN\n        RAISE", "> 2550 THEN\n        RAISE"),
    "choice not marked": (
        CONTEXT,
        "tenant_id := set_config('skill_messages.tenant_id', tenant_id, true);",
        "",
    ),
    "choice not looked at": (CONTEXT, ") <> '' THEN", ") = 'x' THEN"),
    "another tenant chosen": (
        CHOICE,
        "IF tenant_id <> v_chosen OR (v_tenant_id <> '' AND tenant_id <> v_tenant_id) THEN",
        "IF false THEN",
    ),
    "another tenant than marked": (CHOICE, "tenant_id <> v_chosen OR", ""),
    "another tenant than set": (CHOICE, "OR (v_tenant_id <> '' AND tenant_id <> v_tenant_id)", ""),
    "another user chosen": (
        CHOICE,
        "ELSIF coalesce(user_id, '') <> v_user_id AND",
        "ELSIF false AND",
    ),
    "one user for the service": (CHOICE, "AND skill_messages_private.acts_as_app() THEN", "THEN"),
    "everything is a default": (
        CHOICE,
        "(v_tenant_id, v_user_id) = (v_default_tenant_id, v_default_user_id)",
        "true",
    ),
    "no user needed": (CURRENT, "v_user_id IS NULL", "false"),
    "acting for anybody": (CURRENT, "acting_user_id <> v_user_id", "false"),
    "no tenant needed": (CURRENT, "v_tenant_id IS NULL", "false"),
    "superuser as app": (
        "private/acts_as_app",
        "row_security_active('public.skill_messages')\n        AND ",
        "",
    ),
    "app without walls": (
        "private/acts_as_app",
        "pg_has_role('skill_messages_app', 'USAGE')",
        "false",
    ),
    # Retention.
    "purges pending ones": (PURGE_BATCH, "(include_pending OR old.status <> 'pending')", "true"),
    "purges unread ones": (PURGE_BATCH, "(include_unread OR old.read_at IS NOT NULL)", "true"),
    "purges new ones": (PURGE_BATCH, "old.created_at < created_before", "true"),
    "purges without end": (PURGE_BATCH, "LIMIT greatest(batch_size, 0)", ""),
    "purges on a dry run": (PURGE_BATCH, "IF dry_run IS NOT FALSE THEN", "IF false THEN"),
    "purges any age": (
        PURGE,
        "(older_than BETWEEN interval '0' AND interval '1000 years') IS NOT TRUE",
        "false",
    ),
    "purges in no batches": (PURGE, "(batch_size >= 1) IS NOT TRUE", "false"),
    "purges one batch": (PURGE, "dry_run OR v_batch < batch_size", "true"),
    "purges one batch too many": (PURGE, "v_batch < batch_size", "v_batch <= 0"),
    "purges one batch too few": (PURGE, "v_batch < batch_size", "v_batch <= batch_size"),
    "purges a dry run for ever": (PURGE, "dry_run OR v_batch", "v_batch"),
    "counts the last batch only": (PURGE, "v_of_tenant + v_batch", "v_batch"),
    "counts the last tenant only": (PURGE, "deleted + v_of_tenant", "v_of_tenant"),
    "counts tenants together": (PURGE, "        v_of_tenant := 0;", "        NULL;"),
    "counts on": (PURGE, "    deleted := 0;", "    NULL;"),
    "purges in no transactions": (PURGE, "            COMMIT;", "            NULL;"),
    "purges tenants in any order": (PURGE, " ORDER BY t.id", ""),
    "purges no tenants": (PURGE, "has_column_privilege('public.tenants', 'id', 'SELECT')", "false"),
    "purges to come": (PURGE, "now() - older_than", "now() + older_than"),
    "purges unread for pending": (
        PURGE,
        "batch_size, include_pending, include_unread",
        "batch_size, include_unread, include_pending",
    ),
    "says nothing of a dry run": (PURGE, "'to delete' ELSE", "'deleted' ELSE"),
    "purges on null": (PURGE, "WHEN dry_run IS NULL THEN 'dry_run is null'", ""),
    "erases nothing": (ERASE, "SET message = '[erased]'", "SET message = m.message"),
    "erases what is received only": (
        ERASE,
        "(m.from_user_id = user_id OR m.to_user_id = user_id)",
        "m.to_user_id = user_id",
    ),
    "erases what was never answered only": (
        ERASE,
        "AND (m.status = 'pending' OR NOT keep_decided)",
        "AND m.status = 'pending'",
    ),
    "erases decisions": (ERASE, "AND (m.status = 'pending' OR NOT keep_decided)", ""),
    "erases on null": (
        ERASE,
        "IF user_id IS NULL OR keep_decided IS NULL THEN",
        "IF user_id IS NULL THEN",
    ),
    # Times.
    "sent ahead of the clock": (
        TIMES,
        "least(NEW.created_at, clock_timestamp())",
        "NEW.created_at",
    ),
    "sent at a microsecond": (
        TIMES,
        "date_trunc('milliseconds', least(NEW.created_at, clock_timestamp()))",
        "least(NEW.created_at, clock_timestamp())",
    ),
    "sent at a rounded time": (
        TIMES,
        "date_trunc('milliseconds', least(NEW.created_at, clock_timestamp()))",
        "least(NEW.created_at, clock_timestamp())::timestamptz(3)",
    ),
    "read once more": (TIMES, "IF OLD.read_at IS NOT NULL THEN", "IF false THEN"),
    "read before it was sent": (
        TIMES,
        "OLD.created_at, date_trunc('milliseconds', least(NEW.read_at, clock_timestamp()))",
        "date_trunc('milliseconds', least(NEW.read_at, clock_timestamp()))",
    ),
    "read ahead of the clock": (TIMES, "least(NEW.read_at, clock_timestamp())", "NEW.read_at"),
    "read before the clock of its transaction": (
        TIMES,
        "least(NEW.read_at, clock_timestamp())",
        "least(NEW.read_at, now())",
    ),
    "read at a microsecond": (
        TIMES,
        "date_trunc('milliseconds', least(NEW.read_at, clock_timestamp()))",
        "least(NEW.read_at, clock_timestamp())",
    ),
    "answered before it was sent": (
        TIMES,
        "greatest(OLD.created_at, date_trunc('milliseconds', now()))",
        "date_trunc('milliseconds', now())",
    ),
    "answered at a microsecond": (
        TIMES,
        "greatest(OLD.created_at, date_trunc('milliseconds', now()))",
        "greatest(OLD.created_at, now())",
    ),
    "answered at no time": (
        TIMES,
        "IF OLD.status = 'pending' AND NEW.status <> 'pending' THEN",
        "IF false THEN",
    ),
    # Never silently empty.
    "silent boxes": (BOXES, ASK, "NULL;"),
    "silent named boxes": (NAMED, ASK, "NULL;"),
    "silent count": (COUNT, ASK, "NULL;"),
    "silent stats": (STATS, ASK, "NULL;"),
    "silent export": (EXPORT, ASK, "NULL;"),
    "silent reading of all": (READ_ALL, ASK, "NULL;"),
    "silent absence": (ABSENT, ASK, ""),
    "silent send": (SEND, ASK, "NULL;"),
    "silent erasure": (ERASE, ASK_RETENTION, ""),
    "silent purge": (PURGE, ASK_RETENTION, ""),
    "members without rights": (
        CALLER,
        "pg_has_role(role.name, 'USAGE')",
        "pg_has_role(role.name, 'MEMBER')",
    ),
    "everybody has the rights": (CALLER, "IF NOT EXISTS (", "IF false AND EXISTS ("),
    # Deployment.
    "locks awaited for long": (SHORT_LOCKS, "'100ms'", "'1h'"),
    "any owner of a function": (
        VERIFY_FUNCTION,
        "CASE WHEN p.proowner <> n.nspowner",
        "CASE WHEN false",
    ),
    "a lock_timeout that stays": (SWITCH, "v_lock_timeout, true)", "v_lock_timeout, false)"),
    # Read-only transactions.
    "purges though read-only": (PURGE, READ_ONLY, "false"),
}

# Likewise, in what is said to a wrong argument.
REMARKS = {
    "keys echoed whole": (FORM, "        ), 100)", "        ), 100000)"),
    "sends a batch though read-only": (BATCH, READ_ONLY, "false"),
    "an absent id echoed whole": (ABSENT, "left(message_id, 100)", "message_id"),
    "names of a constraint that is not ours": (VIOLATION, "IF FOUND THEN", "IF true THEN"),
    "endless page": (BOXES, "max_messages BETWEEN 1 AND 1000", "true"),
    "inbox of nobody": (BOXES, "v_user_id <> ''", "true"),
    "endless named page": (NAMED, "v_user_id, max_messages, before", "v_user_id, 1, before"),
    "count to nothing": (COUNT, "at_most < 1", "false"),
    "half a position": (BOXES, "(before_created_at IS NULL) = (before_id IS NULL)", "true"),
    "count of nobody": (COUNT, "v_user_id <> '' AND", ""),
    "a longer one is at fault": (SEND, "ORDER BY octet_length(a.value) DESC", "ORDER BY a.name"),
    "sends though read-only": (SEND, READ_ONLY, "false"),
    "a decided id echoed whole": (ANSWER, "left(message_id, 100)", "message_id"),
    "answers though read-only": (ANSWER, READ_ONLY, "false"),
    "a status echoed whole": (ANSWER, "left(status, 100)", "status"),
    "sent without tenant": (SEND, "v_tenant_id <> ''", "true"),
    "reads all though read-only": (READ_ALL, READ_ONLY, "false"),
    "sent by nobody": (SEND, "from_user_id <> '' AND", ""),
    "a taken id echoed whole": (RETRY, "left(id, 100)", "id"),
    "reads though read-only": (READ, READ_ONLY, "false"),
    "switches though read-only": (SWITCH, READ_ONLY, "false"),
    "sent with null": (SEND, "IF from_user_id IS NULL THEN", "IF false THEN"),
    "too long for an index": (
        SEND,
        "WHEN program_limit_exceeded THEN",
        "WHEN raise_exception THEN",
    ),
    "erases though read-only": (ERASE, READ_ONLY, "false"),
    "a user echoed whole": (CURRENT, "left(acting_user_id, 100)", "acting_user_id"),
}

# In what is locked, and in which order.
LOCKS = {
    "reads with weaker locks": (
        READ_ALL,
        "m.created_at <= v_up_to\n            ORDER BY m.ctid\n            FOR UPDATE",
        "m.created_at <= v_up_to\n            ORDER BY m.ctid\n            FOR SHARE",
    ),
    "reads in any order": (
        READ_ALL,
        "m.created_at <= up_to_created_at)\n            ORDER BY m.ctid",
        "m.created_at <= up_to_created_at)",
    ),
    "purges what is locked": (PURGE_BATCH, "FOR UPDATE SKIP LOCKED", "FOR UPDATE NOWAIT"),
    "purges in the way of others": (PURGE_BATCH, "FOR UPDATE SKIP LOCKED", "FOR UPDATE"),
    "erases without locks": (ERASE, "\n        FOR UPDATE", ""),
}

# In both ends of what is allowed, and in the checks that spare a function the closer one.
LIMITS = {
    "page of none": (BOXES, "max_messages BETWEEN 1 AND 1000", "max_messages BETWEEN 0 AND 1000"),
    "page of one more": (
        BOXES,
        "max_messages BETWEEN 1 AND 1000",
        "max_messages BETWEEN 1 AND 1001",
    ),
    **{f"page of {ends}": (PAGES, "NOT BETWEEN 1 AND 1000", by) for ends, by in ENDS.items()},
    **{f"batch of {ends}": (FORM, "NOT BETWEEN 1 AND 1000", by) for ends, by in ENDS.items()},
    "reads fewer": (READ_ALL, "> 1000", "> 999"),
    "reads one more": (READ_ALL, "> 1000", "> 1001"),
    "count from two": (COUNT, "at_most < 1 ", "at_most < 2 "),
    "a context of fewer": (CONTEXT, "> 255 THEN\n        RAISE", "> 254 THEN\n        RAISE"),
}

# In what is done with a context that the connection brings along.
DEFAULTS = {
    "defaults are chosen": (CHOICE, "IF v_chosen IS NULL THEN", "IF false THEN"),
    "defaults bind": (CHOICE, "            RETURN;", "            NULL;"),
}

# All hints, but those for a standby and of a batch, and those that stand in triggers; and the
# constraints of which the comment is one.
LITERAL = r"'(?:''|[^'])*'"
HINTS = [
    (change, found[1])
    for change in [
        *(NAMED, COUNT, PAGE, PAGES, READ_ALL, ANSWER, SWITCH, CONTEXT, CHOICE, CURRENT, CALLER),
        *(FORM, RETRY, VIOLATION, ABSENT, PURGE, "private/raise_read_only"),
    ]
    for found in re.finditer(
        r"HINT = (?:format\(|coalesce\(v_hint, |CASE .*\n.*\n *ELSE )?"
        rf"({LITERAL}(?:\s+{LITERAL})*)",
        script("deploy", change),
    )
] + [
    (LIFE, f"'{hint}'")
    for hint in (
        "Insert it with status ''pending'', without read_at and answered_at, and with another "
        "text.",
        "A decision is final. Send a new message to propose again.",
        "Send a new message instead. A text can only be erased.",
    )
]
CONSTRAINTS = [
    *("id_check", "tenant_id_check", "from_user_id_check", "to_user_id_check", "message_check"),
    *("status_check", "created_at_check", "read_at_check", "answered_at_check", "tenant_id_fkey"),
    *("from_user_id_fkey", "to_user_id_fkey", "subject_skill_id_fkey"),
    "proposed_parent_skill_id_fkey",
]

# What the host may do to tables of our making, and what a service then cannot.
LOSSES = {
    "service makes no tenant": "REVOKE INSERT ON tenants FROM skill_messages_service",
    "service makes no user": "REVOKE INSERT ON users FROM skill_messages_service",
    "app reads no names": "REVOKE SELECT ON users FROM skill_messages_app",
}

PGTAP = ROOT / "tests/pgtap"
DEFAULT = "operations/context_default"

# The files most likely to notice, by the change of the mutation; then the others, the slow ones
# last.
LIKELY = {
    LIFE: "rules/life",
    TIMES: "rules/times",
    BOXES: "operations/inbox",
    NAMED: "operations/message_page",
    COUNT: "operations/inbox",
    PAGE: "operations/message_page",
    SEND: "operations/send",
    BATCH: "operations/batch",
    FORM: "operations/batch",
    RETRY: "operations/send",
    VIOLATION: "operations/send",
    READ: "isolation/functions",
    READ_ALL: "operations/read_all",
    ANSWER: "operations/answer",
    EXPORT: "operations/export",
    SWITCH: "operations/notifications",
    CONTEXT: "operations/context",
    CHOICE: "operations/context",
    PAGES: "operations/limits",
    CALLER: "isolation/functions",
    CURRENT: "isolation/functions",
    ABSENT: "isolation/functions",
    "private/acts_as_app": "isolation/functions",
    ERASE: "retention/retention",
    PURGE: "retention/purge",
    PURGE_BATCH: "retention/retention",
    STATS: "monitoring/stats",
    SHORT_LOCKS: "deployment/helpers",
    VERIFY_FUNCTION: "deployment/verify",
}
SLOW = ["operations/inbox", "operations/sent", "operations/batch", "operations/bad_input"]


def as_deployer(text: str) -> str:
    """A deploy script, as a mutation: what it does, done by the owner."""
    return f"SET SESSION AUTHORIZATION {DEPLOYER};\n{text};\nRESET SESSION AUTHORIZATION"


def rewritten(change: str, old: str, new: str) -> str:
    text = script("deploy", change)
    assert text.count(old) == 1, text.count(old)
    return as_deployer(text.replace(old, new))


def is_red(database: Database, name: str, mutation: str) -> bool:
    """Whether a pgTAP file fails on the mutated schema; the first assertion that does is enough.

    The file's own BEGIN only warns, and its ROLLBACK takes back the mutation.
    """
    where = ["-h", "127.0.0.1", "-p", str(database.server.settings["port"]), "-U", "postgres"]
    default = "-c app.current_tenant_id=Acme -c app.current_user_id=gus"
    said = []
    with subprocess.Popen(
        ["psql", "-X", "-q", *where, "-d", database.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PGOPTIONS": default if name == DEFAULT else ""},
        text=True,
    ) as psql:
        assert psql.stdin
        assert psql.stdout
        psql.stdin.write(f"\\set ON_ERROR_STOP on\nBEGIN;\n{mutation};\n\\echo mutated\n")
        psql.stdin.write(f"\\i {PGTAP}/{name}.sql\n")
        psql.stdin.close()
        for line in psql.stdout:
            said.append(line)
            if line.startswith(("not ok", "# Looks like")):
                psql.terminate()
                return True
    assert "mutated\n" in said, "".join(said)
    return psql.returncode != 0


def assert_pgtap_is_red(database: Database, mutation: str, *likely: str) -> None:
    others = {str(file.relative_to(PGTAP).with_suffix("")) for file in PGTAP.glob("*/*.sql")}
    others -= set(likely)
    names = [*likely, *sorted(others, key=lambda name: (name in SLOW, name))]
    assert any(is_red(database, name, mutation) for name in names), "no pgTAP file noticed"


def unverified(database: Database, mutation: str = "SELECT") -> list[str]:
    """The changes whose verify scripts fail, run as Sqitch runs them, but in one transaction."""
    failed = []
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(mutation.encode())
        connection.execute(f"SET SESSION AUTHORIZATION {DEPLOYER}".encode())
        for change, _ in parse((ROOT / "sqitch.plan").read_text())[0]:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(script("verify", change).encode())
            except psycopg.Error:
                failed.append(change)
    return failed


@pytest.fixture(scope="module")
def mutable(server: Server, template: str) -> Iterator[Database]:
    """One database for all mutations, each of which is rolled back."""
    database = Database(server, "mutable")
    server.create_database(database.name, template)
    yield database
    server.drop_database(database.name)


def test_what_is_as_it_should_be_is_green(mutable: Database) -> None:
    assert unverified(mutable) == []
    rewrites = [
        *TRIGGERS.values(),
        *REWRITES.values(),
        *REMARKS.values(),
        *LOCKS.values(),
        *LIMITS.values(),
    ]
    changes = sorted({change for change, *_ in rewrites})
    mutation = ";".join(as_deployer(script("deploy", change)) for change in changes)
    assert unverified(mutable, mutation) == []
    for name in sorted({*LIKELY.values(), "operations/hints", "tables/structure"} - {*SLOW}):
        assert not is_red(mutable, name, mutation), name


@pytest.mark.parametrize("name", WEAKENINGS)
def test_a_weaker_schema_is_noticed(mutable: Database, name: str) -> None:
    assert unverified(mutable, WEAKENINGS[name]) != []
    assert_pgtap_is_red(mutable, WEAKENINGS[name], "tables/structure", "tables/catalogue")


@pytest.mark.parametrize("name", OVERSIGHTS)
def test_an_oversight_is_noticed(mutable: Database, name: str) -> None:
    assert is_red(mutable, "tables/structure", OVERSIGHTS[name])


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_weaker_trigger_is_noticed(mutable: Database, name: str) -> None:
    mutation = rewritten(*TRIGGERS[name])
    assert unverified(mutable, mutation) == [TRIGGERS[name][0]]
    assert_pgtap_is_red(mutable, mutation, LIKELY[TRIGGERS[name][0]])


@pytest.mark.parametrize("name", REWRITES)
def test_a_wrong_function_is_noticed(mutable: Database, name: str) -> None:
    assert_pgtap_is_red(mutable, rewritten(*REWRITES[name]), LIKELY[REWRITES[name][0]])


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_that_is_misjudged_is_noticed(mutable: Database, name: str) -> None:
    assert is_red(mutable, DEFAULT, rewritten(*DEFAULTS[name]))


@pytest.mark.parametrize("name", LOCKS)
def test_another_lock_is_noticed(mutable: Database, name: str) -> None:
    assert is_red(mutable, "tables/structure", rewritten(*LOCKS[name]))


@pytest.mark.parametrize("name", LIMITS)
def test_another_limit_is_noticed(mutable: Database, name: str) -> None:
    assert is_red(mutable, "operations/limits", rewritten(*LIMITS[name]))


@pytest.mark.parametrize(("change", "hint"), HINTS)
def test_another_hint_is_noticed(mutable: Database, change: str, hint: str) -> None:
    assert is_red(mutable, "operations/hints", rewritten(change, hint, "'Think again.'"))


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_another_comment_that_is_a_hint_is_noticed(mutable: Database, name: str) -> None:
    comment = f"COMMENT ON CONSTRAINT skill_messages_{name} ON skill_messages IS 'Think again.'"
    assert is_red(mutable, "operations/hints", comment)


@pytest.mark.parametrize("name", REMARKS)
def test_a_wrong_answer_to_bad_input_is_noticed(mutable: Database, name: str) -> None:
    likely = "operations/hints", "operations/bad_input"
    assert_pgtap_is_red(mutable, rewritten(*REMARKS[name]), *likely)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_noticed(mutable: Database, name: str) -> None:
    assert_pgtap_is_red(mutable, LOSSES[name], "tables/catalogue", "isolation/tables")
