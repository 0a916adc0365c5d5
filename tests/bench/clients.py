"""Many clients that send at once: throughput, p99, and what they wait for."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.bench.hosts import USERS, fill
from tests.bench.pgbench import LIMIT, OURS, VARIABLES, Burst, burst, script, summary
from tests.bench.server import DurableServer, Size, deployed
from tests.bench.tables import BARE

CLIENTS = (1, 2, 4, 8, 16, 32)
OF_LIMIT = (1, 8, 32)
TENANTS = 1000
# The tenant and the recipient of each message, as pgbench says it.
WHO = {
    "one tenant": ("0", f"random(0, {USERS - 1})"),
    "1,000 tenants": (f"random(0, {TENANTS - 1})", f":t * {USERS} + random(0, {USERS - 1})"),
    "one recipient": ("0", "0"),
}
STATEMENTS = {"limit": (LIMIT, "postgres"), "ours": (OURS, "app_login")}
SAMPLE_SECONDS = 0.02


@contextmanager
def sampled(conninfo: str, waits: Counter[str]) -> Iterator[None]:
    """Counts what the backends of clients are seen waiting for."""
    over = threading.Event()

    def sample() -> None:
        with psycopg.connect(f"{conninfo} user=postgres", autocommit=True) as admin:
            while not over.wait(SAMPLE_SECONDS):
                rows = admin.execute(
                    "SELECT coalesce(wait_event_type || ' ' || wait_event, 'processor')"
                    " FROM pg_stat_activity WHERE application_name = 'pgbench'"
                    " AND state = 'active'"
                ).fetchall()
                waits.update(row[0] for row in rows)

    thread = threading.Thread(target=sample)
    thread.start()
    yield
    over.set()
    thread.join()


def slru(admin: psycopg.Connection[Any]) -> Counter[str]:
    """Accesses of the caches of transaction states, by cache; and multixacts made."""
    admin.execute("CHECKPOINT")
    rows = admin.execute(
        "SELECT name, blks_hit + blks_read FROM pg_stat_slru"
        " UNION ALL SELECT name || ' read', blks_read FROM pg_stat_slru"
        " UNION ALL SELECT 'multixacts made', next_multixact_id::text::bigint"
        " FROM pg_control_checkpoint()"
    ).fetchall()
    return Counter(dict(rows))


def measure(
    conninfo: str, admin: psycopg.Connection[Any], who: tuple[str, str], size: Size
) -> dict[str, Any]:
    bursts: dict[str, dict[int, list[Burst]]] = {name: {} for name in STATEMENTS}
    waits: dict[int, Counter[str]] = {count: Counter() for count in CLIENTS}
    before = slru(admin)
    for number in range(max(2, size.burst_rounds - 1)):
        print(f"    round {number + 1}", flush=True)
        for count in CLIENTS if number % 2 else CLIENTS[::-1]:
            for name, (statement, user) in STATEMENTS.items():
                if name == "ours" or count in OF_LIMIT:
                    with sampled(conninfo, waits[count] if name == "ours" else Counter()):
                        done = burst(
                            f"{conninfo} user={user}",
                            script(*who, statement),
                            count,
                            size.burst_seconds,
                            VARIABLES,
                        )
                    bursts[name].setdefault(count, []).append(done)
    all_bursts = [
        each for by_count in bursts.values() for taken in by_count.values() for each in taken
    ]
    sends = sum(len(each.latencies) for each in all_bursts)
    return {
        **{
            name: {str(count): summary(taken) for count, taken in sorted(by_count.items())}
            for name, by_count in bursts.items()
        },
        "waits": {
            str(count): {
                event: round(seen / counter.total(), 3) for event, seen in counter.most_common(8)
            }
            for count, counter in waits.items()
        },
        "slru_per_send": {
            name: round(count / sends, 3) for name, count in (slru(admin) - before).items()
        },
    }


def run(server: DurableServer, size: Size) -> dict[str, Any]:
    with deployed(server, "clients") as (conninfo, admin):
        fill(admin, TENANTS, size.preloaded)
        admin.execute(BARE)
        admin.execute("SET session_replication_role = replica")
        for table in ("tenants", "users", "skills", "skill_messages"):
            admin.execute(f"INSERT INTO bare.{table} SELECT * FROM public.{table}".encode())  # noqa: S608
        admin.execute("VACUUM (FREEZE, ANALYZE)")
        found = {}
        for name, who in WHO.items():
            print(f"  {name}: {len(CLIENTS)} numbers of clients", flush=True)
            found[name] = measure(conninfo, admin, who, size)
    server.drop_database("clients")
    return {"preloaded": size.preloaded, "who": found}
