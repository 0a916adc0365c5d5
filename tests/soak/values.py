"""What the state machine gives as arguments: a few names, so that they meet, and odd ones."""

import re
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.attacks.test_context import TENANTS_THAT_ARE_CODE
from tests.attacks.test_texts import INVISIBLE

# The same ids in several tenants, and some in one tenant only. The third tenant's name is code.
CODE = TENANTS_THAT_ARE_CODE[0]
USERS = {"acme": ("ann", "bob", "cy"), "globex": ("ann", "gus"), CODE: ("ann", "%s")}
SKILLS = {"acme": ("sql", "perl"), "globex": ("sql", "welding"), CODE: ("sql", "$1")}

# The last two look alike: one is composed, the other is not.
IDS = ("m1", "m2", "m3", "%L", "\u00e9", "e\u0301")


def unescaped(literal: str) -> str:
    """The text of a literal of SQL, plain or U&."""
    hexadecimal = re.compile(r"\\\+([0-9A-F]{6})|\\([0-9A-F]{4})")
    return hexadecimal.sub(lambda found: chr(int(found[1] or found[2], 16)), literal[:-1]).split(
        "'", 1
    )[1]


STRANGE = (
    "",
    " ",
    "\x00",
    "nul\x00within",
    "\ud800",
    "low \udfff first",
    "'",
    "''; DROP TABLE skill_messages; --",
    '"',
    "\\",
    "\\'",
    "$$",
    "$1",
    "%s",
    "%L%I%%",
    "{}",
    "{NULL}",
    "null",
    "NULL",
    "Ann",
    "ann ",
    "\u202eann",
    "an\u200bn",
    "a\u0301\u0302\u0303",
    "\u1e9b\u0323",
    "\ufb01",
    "\U0001f469\u200d\U0001f52c",
    "\uffff",
    "\U0010ffff",
    "[erased]",
    "[Erased]",
    "pending",
    *(unescaped(literal) for literal in INVISIBLE.values()),
)

# In microseconds since 1970, with what PostgreSQL calls them. Nobody's clock is near them, so that
# the model need not know how fast a statement was.
DAY = 86_400_000_000
TIMES = {
    "-infinity": float("-inf"),
    "4713-01-01 00:00:00+00 BC": -210_866_803_200_000_000,
    "1969-12-31 23:59:59.999999+00": -1,
    "1970-01-01 00:00:00+00": 0,
    "1970-01-01 00:00:00.0019+00": 1_900,
    "2001-09-09 01:46:40.123999+00": 1_000_000_000_123_999,
    "9999-12-31 23:59:59.999+00": 253_402_300_799_999_000,
    "10000-01-01 00:00:00+00": 253_402_300_800_000_000,
    "294276-12-31 00:00:00+00": 9_224_318_015_999_999_999,
    "infinity": float("inf"),
}
AGES = {
    "0": 0,
    "1 day": DAY,
    "1000 years": 365_250 * DAY,
    "-1 microsecond": None,
    "1001 years": None,
    "178000000 years": None,
    "-178000000 years": None,
}


@st.composite
def mostly(draw: st.DrawFn, known: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> Any:
    return draw(odd if draw(st.integers(0, 6)) == 6 else known)


def one_of(texts: Sequence[str]) -> st.SearchStrategy[str]:
    """As sampled_from, which spells out all of them wherever it is named."""
    return st.integers(0, len(texts) - 1).map(lambda place: texts[place])


long_texts = st.builds(
    lambda unit, size: unit * (size // len(unit)),
    st.sampled_from(["x", "\u00e9", "%s'"]),
    st.sampled_from([255, 256, 10_000, 10_002, 100_000]),
)
strange = one_of(STRANGE) | st.text(max_size=12) | long_texts

tenants = mostly(st.sampled_from(list(USERS)), one_of([*TENANTS_THAT_ARE_CODE, *STRANGE]))
users = mostly(st.sampled_from(sorted({user for of in USERS.values() for user in of})), strange)
skills = mostly(st.sampled_from(sorted({skill for of in SKILLS.values() for skill in of})), strange)
ids = mostly(st.sampled_from(IDS), strange)
messages = mostly(st.sampled_from(["Hello", "Mine under yours?"]), strange)
statuses = mostly(st.sampled_from(["accepted", "declined"]), one_of(STRANGE))
times = st.sampled_from(list(TIMES))
limits = st.sampled_from([1, 2, 3, 50, 1000, 0, -1, 1001, 2**31 - 1, -(2**31)])
counts = st.sampled_from([1, 2, 99, 0, -1, 2**63 - 1, -(2**63)])
ages = st.sampled_from(list(AGES))

# Settings of the caller that must make no difference, and what no caller may set.
HARMLESS = (
    "search_path = ''",
    "search_path = pg_temp, public",
    "search_path = pg_temp, pg_catalog, skill_messages_private",
    "DateStyle = 'German, DMY'",
    "IntervalStyle = 'iso_8601'",
    "TimeZone = 'Pacific/Kiritimati'",
    "standard_conforming_strings = off",
    "transform_null_equals = on",
    "quote_all_identifiers = on",
    "plan_cache_mode = force_generic_plan",
    "plan_cache_mode = force_custom_plan",
    "enable_indexscan = off",
    "enable_seqscan = off",
    "check_function_bodies = off",
    "array_nulls = off",
    "skill_messages.patience = '-1'",
    "app.current_tenant = 'acme'",
)
FORBIDDEN = (
    "session_replication_role = replica",
    "log_statement = 'none'",
    "SESSION AUTHORIZATION postgres",
    "ROLE postgres",
    "ROLE pg_read_all_data",
)
SHADOWS = (
    "TEMP TABLE skill_messages (id text, tenant_id text DEFAULT 'acme', message text)",
    "TEMP TABLE tenants AS SELECT pg_catalog.text 'acme' AS id, pg_catalog.text 'Shadow' AS name",
    "TEMP TABLE users AS SELECT pg_catalog.text 'ann' AS id, pg_catalog.text 'acme' AS tenant_id,"
    " pg_catalog.text 'x' AS name",
    "TEMP VIEW skills AS SELECT pg_catalog.text 'sql' AS id, pg_catalog.text 'globex' AS tenant_id,"
    " pg_catalog.text 'x' AS name",
    "TEMP TABLE pg_constraint (conname name)",
    "FUNCTION pg_temp.current_setting(text, boolean) RETURNS text RETURN 'acme'",
    "FUNCTION pg_temp.pg_has_role(text, text) RETURNS boolean RETURN true",
    "FUNCTION pg_temp.now() RETURNS timestamptz RETURN pg_catalog.timestamptz '2000-01-01'",
    "DOMAIN pg_temp.text AS pg_catalog.text CHECK (value = 'acme')",
    "DOMAIN pg_temp.timestamptz AS pg_catalog.text",
)
