"""Where the Sqitch project is, and the schema as one file."""

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

# What the file sets until its transaction ends, by itself or by a procedure that it calls. Custom
# settings keep the values meanwhile.
SETTINGS = "ARRAY['search_path', 'lock_timeout', 'client_min_messages']"

# Before the search_path is fixed, so each function is said to be the server's own.
SAVE = f"""
DO $$
DECLARE
    v_name text;
BEGIN
    FOREACH v_name IN ARRAY {SETTINGS}
    LOOP
        PERFORM pg_catalog.set_config(
            pg_catalog.concat('skill_messages_before.', v_name),
            pg_catalog.current_setting(v_name),
            true
        );
    END LOOP;
END;
$$;
"""

FIXED = "SET LOCAL search_path = pg_catalog, pg_temp;\n"

CHECK = """
DO $$
BEGIN
    IF coalesce(current_setting('skill_messages_before.lock_timeout', true), '') = '' THEN
        RAISE EXCEPTION 'no transaction is open, so nothing was loaded'
            USING ERRCODE = 'no_active_sql_transaction',
                  HINT = 'Begin one, or load the schema with a transaction of its own: '
                         'python -m skill_messages schema';
    END IF;
END;
$$;
"""

RESTORE = f"""
DO $$
DECLARE
    v_name text;
BEGIN
    FOREACH v_name IN ARRAY {SETTINGS}
    LOOP
        PERFORM set_config(v_name, current_setting('skill_messages_before.' || v_name), true);
    END LOOP;
END;
$$;
"""

HEADER = """\
-- Without BEGIN and COMMIT, for a migration tool that opens a transaction for each file. After it,
-- search_path and all other settings are what they were before.
"""


def root() -> Path:
    """The folder of sqitch.plan: inside the package or, of a clone, the repository's."""
    inside = PACKAGE / "schema"
    return inside if inside.exists() else PACKAGE.parents[2]


def one_file() -> Path:
    return root() / "sql" / "skill_messages.sql"


def without_transaction(schema: str) -> str:
    """The one file for a transaction that somebody else begins and ends."""
    head, _, rest = schema.partition("\nBEGIN;\n")
    body, _, _ = rest.rpartition("\nCOMMIT;\n")
    head, _, _ = head.partition("--\n")
    body = body.replace(FIXED, FIXED + CHECK, 1)
    return f"{head}--\n{HEADER}{SAVE}{body}{RESTORE}"


def version() -> str:
    """The release of the schema, as the first line of the one file tells it."""
    with one_file().open(encoding="utf-8") as lines:
        found = re.search(r"v(\S+):", next(lines))
    return found[1] if found else "unreleased"
