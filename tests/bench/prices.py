"""What each precaution costs: variants of the functions, tables and policies, interleaved.

python -m tests.bench.prices [--messages N]; prints Markdown. The first variant of a group is its
measure.
"""

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

from typing_extensions import LiteralString

from tests.bench.contestants import ENTRIES
from tests.bench.data import User
from tests.bench.markdown import table
from tests.bench.measure import interleave, wal_position
from tests.bench.operations import World
from tests.bench.server import SIZES, DurableServer, loaded

SECONDS = 4.0
Run = Callable[[], float]
Edits = list[tuple[str, str]]

NO_PATH = (r"\n SET search_path TO [^\n]*", "")
NO_HANDLER = (r"(?ms)^( *)EXCEPTION\n.*?(?=^\1END;)", "")
NO_CONFLICT = (r"\n\s+ON CONFLICT DO NOTHING", "")
SET_CONFIG = (
    r"(?s)EXECUTE format\(.*?\);",
    "PERFORM set_config('app.current_tenant_id', tenant_id, true),"
    " set_config('app.current_user_id', coalesce(user_id, ''), true);",
)

SENDING: dict[str, Edits] = {
    "as deployed": [],
    "without EXCEPTION": [NO_HANDLER],
    "without ON CONFLICT": [NO_CONFLICT],
    "without SET search_path": [NO_PATH],
    "set_config instead of EXECUTE SET LOCAL": [SET_CONFIG],
    "without any of them": [NO_HANDLER, NO_CONFLICT, NO_PATH, SET_CONFIG],
}
READING: dict[str, Edits] = {
    "as deployed": [],
    "without SET search_path": [NO_PATH],
    "set_config instead of EXECUTE SET LOCAL": [SET_CONFIG],
    "without any of them": [NO_PATH, SET_CONFIG],
}

TIME_ORDERED: LiteralString = """
CREATE FUNCTION bare.time_ordered_id(at timestamptz) RETURNS text LANGUAGE sql VOLATILE
AS $$ SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING substring(
    int8send((extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
    'hex')::uuid::text $$
"""
PAIRED = (
    "FOREIGN KEY (tenant_id) REFERENCES public.tenants (id)",
    *(
        f"FOREIGN KEY (tenant_id, {column}_id) REFERENCES public.{target}s (tenant_id, id)"
        for column, target in (
            ("from_user", "user"),
            ("to_user", "user"),
            ("subject_skill", "skill"),
            ("proposed_parent_skill", "skill"),
        )
    ),
)
SINGLE = tuple(
    re.sub(r"\(tenant_id, (\w+)\) (.*) public(.*) \(tenant_id, id\)", r"(\1) \2 hand\3 (id)", key)
    for key in PAIRED
)


@dataclass(frozen=True)
class Shape:
    """A table of messages: constraints and indexes besides the primary key, and its ids."""

    constraints: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    collation: str = ""
    new_id: str = "gen_random_uuid()::text"
    fillfactor: int = 100
    like: str = "bare.skill_messages"


SHAPES = {
    "primary key only, random ids": Shape(),
    "time-ordered ids (UUIDv7)": Shape(new_id="bare.time_ordered_id(%s)"),
    'id COLLATE "C"': Shape(collation='COLLATE "C"'),
    "all CHECKs": Shape(like="public.skill_messages INCLUDING CONSTRAINTS"),
    "one foreign key, single": Shape(SINGLE[1:2]),
    "one foreign key, with the tenant": Shape(PAIRED[1:2]),
    "five foreign keys, single": Shape(SINGLE),
    "five foreign keys, with the tenant": Shape(PAIRED),
    "index (to_user_id)": Shape(indexes=("(to_user_id)",)),
    "index (to_user_id, created_at, id)": Shape(indexes=("(to_user_id, created_at, id)",)),
    "index (to_user_id, tenant_id, created_at, id)": Shape(
        indexes=("(to_user_id, tenant_id, created_at, id)",)
    ),
    "that index, time-ordered ids": Shape(
        indexes=("(to_user_id, tenant_id, created_at, id)",), new_id="bare.time_ordered_id(%s)"
    ),
}

# As in deploy/tables/skill_messages.sql, that of unread messages first.
OURS = (
    "(to_user_id, tenant_id) INCLUDE (from_user_id) WHERE read_at IS NULL",
    '(to_user_id, tenant_id, created_at, id COLLATE "C")',
    '(from_user_id, tenant_id, created_at, id COLLATE "C")',
    "(tenant_id)",
    "(subject_skill_id, tenant_id)",
    "(proposed_parent_skill_id, tenant_id) WHERE proposed_parent_skill_id IS NOT NULL",
)
UPDATED_SHAPES = {
    "our indexes, fillfactor 90": Shape(indexes=OURS, fillfactor=90),
    "our indexes": Shape(indexes=OURS),
    "without that of unread messages, fillfactor 90": Shape(indexes=OURS[1:], fillfactor=90),
    "primary key only, fillfactor 90": Shape(fillfactor=90),
}

CASE = "CASE {} WHEN to_user_id THEN true WHEN from_user_id THEN true ELSE false END"
USER = "current_setting('app.current_user_id', true)"
POLICIES = {
    "as deployed": CASE.format(f"(SELECT {USER})"),
    "setting read for every row": CASE.format(USER),
    "no policy of the user's": "true",
}


def medians(runs: dict[str, Run]) -> dict[str, float]:
    """Microseconds."""
    samples = interleave(runs, SECONDS)
    return {
        name: statistics.median(seconds for each in rounds for seconds in each) * 1e6
        for name, rounds in samples.items()
    }


def sent(world: World, entry: str, queries: Iterator[str]) -> Run:
    """Times simple queries as the server answers them, with next to no Python around it."""
    connection = ENTRIES[entry].connect(world.conninfo).connection

    def run() -> float:
        query = next(queries).encode()
        started = time.perf_counter()
        done = connection.pgconn.exec_(query)
        seconds = time.perf_counter() - started
        if done.error_message:
            raise RuntimeError(done.get_error_message())
        return seconds

    return run


def show(title: str, prices: dict[str, float], **more: dict[str, float]) -> None:
    first = next(iter(prices.values()))
    rows = [
        [name, f"{price:.0f}", f"{price / first:.2f}"]
        + [f"{column[name]:.3g}" for column in more.values()]
        for name, price in prices.items()
    ]
    head = [title, "median µs", "ratio", *(name.replace("_", " ") for name in more)]
    print(f"\n{table(head, rows)}")


def copy_functions(world: World, schema: str, edits: Edits) -> None:
    """What app may call, once more in a schema of its own, edited, calling one another."""
    definitions = world.admin.execute(
        "SELECT proname, pg_get_functiondef(oid) FROM pg_proc"
        " WHERE pronamespace IN ('public'::regnamespace, 'skill_messages_private'::regnamespace)"
        " AND prokind = 'f' AND has_function_privilege('skill_messages_app', oid, 'EXECUTE')"
    ).fetchall()
    names = "|".join(name for name, _ in definitions)
    world.admin.execute(f"CREATE SCHEMA {schema}".encode())
    world.admin.execute(f"GRANT USAGE ON SCHEMA {schema} TO app_login".encode())
    for _, definition in definitions:
        edited = definition
        for pattern, replacement in edits:
            edited = re.sub(pattern, replacement, edited)
        edited = re.sub(
            rf"(?:public|skill_messages_private)\.({names})\(", rf"{schema}.\1(", edited
        )
        world.admin.execute(edited.encode())


def function_prices(
    world: World, title: str, variants: dict[str, Edits], user: User, call: str
) -> None:
    runs = {}
    for number, (name, edits) in enumerate(variants.items()):
        schema = f"copy_{number}_for_{title}".translate({ord(" "): "_", ord(","): None})
        copy_functions(world, schema, edits)
        query = (
            f"SELECT {schema}.{call}"  # noqa: S608
            f" FROM {schema}.set_skill_message_context('{user.tenant_id}', '{user.id}')"
        )
        runs[name] = sent(world, "ours, app", cycle([query]))
    show(title, medians(runs))


def create(world: World, target: str, shape: Shape) -> None:
    """The shape with all messages in it."""
    copied = "id"
    if "%s" in shape.new_id:
        copied = shape.new_id.replace("%s", "created_at")
    for statement in (
        f"CREATE TABLE {target} (LIKE {shape.like} INCLUDING DEFAULTS)"
        f" WITH (fillfactor = {shape.fillfactor})",
        f"ALTER TABLE {target} ALTER id TYPE text {shape.collation},"
        f" ALTER id SET DEFAULT {shape.new_id.replace('%s', 'clock_timestamp()')},"
        " ALTER created_at SET DEFAULT now()",
        f"INSERT INTO {target} SELECT {copied}, tenant_id, from_user_id, to_user_id,"  # noqa: S608
        " subject_skill_id, proposed_parent_skill_id, message, status, created_at, read_at,"
        " answered_at"
        " FROM bare.skill_messages ORDER BY created_at",
        *(f"ALTER TABLE {target} ADD {each}" for each in ("PRIMARY KEY (id)", *shape.constraints)),
        *(f"CREATE INDEX ON {target} {index}" for index in shape.indexes),
        f"VACUUM (FREEZE, ANALYZE) {target}",
    ):
        world.admin.execute(statement.encode())


def scalar(world: World, query: LiteralString, argument: str) -> float:
    row = world.admin.execute(query, [argument]).fetchone()
    assert row
    return float(row[0])


def inserts(world: World, target: str) -> Iterator[str]:
    while True:
        each = world.population.proposal()
        yield (
            f"INSERT INTO {target}"  # noqa: S608
            " (tenant_id, from_user_id, to_user_id, subject_skill_id, message)"
            f" VALUES ('{each.tenant_id}', '{each.from_user_id}', '{each.to_user_id}',"
            f" '{each.subject_skill_id}', '{each.message}')"
        )


def updates(world: World, target: str, change: str) -> Iterator[str]:
    for message in world.population.received:
        yield f"UPDATE {target} SET {change} WHERE id = '{message.id}'"  # noqa: S608


def insert_prices(world: World) -> None:
    world.admin.execute(TIME_ORDERED)
    runs, index_bytes, wal = {}, {}, {}
    for number, (name, shape) in enumerate(SHAPES.items()):
        target = f"bare.insert_{number}"
        create(world, target, shape)
        size = scalar(world, "SELECT pg_indexes_size(%s::regclass)", target)
        index_bytes[name] = size / world.population.messages
        runs[name] = sent(world, "limit", inserts(world, target))
    for name, run in runs.items():
        world.admin.execute("CHECKPOINT")
        before = wal_position(world.admin)
        for _ in range(300):
            run()
        wal[name] = (wal_position(world.admin) - before) / 300
    more = {"WAL_bytes_after_a_checkpoint": wal, "index_bytes_per_message": index_bytes}
    show("bare INSERT", medians(runs), **more)


def update_prices(world: World) -> None:
    hot: LiteralString = (
        "SELECT 100.0 * n_tup_hot_upd / n_tup_upd FROM pg_stat_all_tables"
        " WHERE relid = %s::regclass"
    )
    for change in ("read_at = now()", "status = 'accepted'"):
        runs, targets = {}, {}
        for number, (name, shape) in enumerate(UPDATED_SHAPES.items()):
            targets[name] = f"bare.{change.split()[0]}_{number}"
            create(world, targets[name], shape)
            runs[name] = sent(world, "limit", updates(world, targets[name], change))
        prices = medians(runs)
        time.sleep(11)  # an idle session reports its statistics after ten seconds
        hot_percent = {name: scalar(world, hot, target) for name, target in targets.items()}
        show(f"SET {change}", prices, HOT_percent=hot_percent)


def policy_prices(world: World) -> None:
    """The large unread count, with the policy replaced before each run."""
    user = world.population.large
    query = (
        f"SELECT get_unread_count_for_user('{user.id}')"  # noqa: S608
        f" FROM set_skill_message_context('{user.tenant_id}', '{user.id}')"
    )

    def under(predicate: str) -> Run:
        count = sent(world, "ours, app", cycle([query]))

        def run() -> float:
            world.admin.execute(
                f"ALTER POLICY app_reads_own ON skill_messages USING ({predicate})".encode()
            )
            count()
            return count()

        return run

    show("unread count, large inbox", medians({k: under(v) for k, v in POLICIES.items()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    messages = parser.parse_args().messages
    with (
        DurableServer(SIZES["full"].settings) as server,
        loaded(server, messages, 100_000) as (world, _),
    ):
        policy_prices(world)
        population, one = world.population, world.population.proposal()
        empty, typical = population.empty, population.typical[0]
        batch = json.dumps([one.content] * 100)
        content = ", ".join(f"{name} => '{value}'" for name, value in one.content.items())
        for title, variants, user, call in (
            ("count, empty inbox", READING, empty, f"get_unread_count_for_user('{empty.id}')"),
            ("page", READING, typical, f"get_messages_for_user('{typical.id}')"),
            ("send", SENDING, one.sender, f"send_skill_message({content})"),
            ("send 100", SENDING, one.sender, f"send_skill_messages('{batch}')"),
        ):
            function_prices(world, title, variants, user, call)
        update_prices(world)
        insert_prices(world)


if __name__ == "__main__":
    main()
