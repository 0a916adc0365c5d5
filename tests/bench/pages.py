"""The pages beside the full report: peers, several clients, a long life."""

from typing import Any

from tests.bench.figures import Ratio, Result, clients_goals, peers_goals
from tests.bench.markdown import setting, table
from tests.bench.report import goals

PEERS = """
Procrastinate is a queue of tasks in PostgreSQL. It hands each job to one worker; here a message
stays, and its recipient is a person. Both store the same content.

| | skill-messages | procrastinate |
|---|---|---|
| tenants and users kept apart by the database | row-level security, forced | no |
| foreign keys to users and skills | 5 | none of these |
| pages of an inbox and a sent box, unread counts | yes | no |
| a rule of life: read once, answered once | yes | states of a job |
| workers, retries, timeouts, schedules | no | yes |
| a signal to listeners with each one | off until switched on | always |
"""


def peers(result: Result) -> str:
    found = result["peers"]
    rows = []
    for how, by_clients in (("pgbench", found["pgbench"]), ("own client", found["client"])):
        for clients, by_name in by_clients.items():
            own, other = by_name["ours"], by_name["procrastinate"]
            ratio = Ratio.of(own, other, "rate")
            cells = [f"{each['rate']:,}" for each in (own, other)]
            rows.append([how, clients, *cells, f"{ratio.value:.2f}"])
    sections = [
        "# Peers",
        "Our sends next to the enqueues of [procrastinate](https://procrastinate.readthedocs.io) "
        f"{found['version']}, side by side in one database. Its schema is as its own command "
        "applies it.",
        table(["from", "clients", "sends a second", "enqueues a second", "ratio"], rows),
        "## Goals",
        goals(peers_goals(found)),
        "## What each does",
        PEERS.strip(),
        "## How it was measured",
        "Bursts of both in turn; the first round is dropped, and figures are medians of the "
        "others. pgbench sends what each client sends, prepared: ours as a signed-in user, with "
        "its context; procrastinate as a superuser. *Own client* is a Python process per "
        "connection: the Python package with `prepare=True`, and a task's `defer()`. One tenant "
        "with 20 users. Both tables were empty at first.",
        setting(result),
    ]
    return "\n\n".join(sections) + "\n"


def _rates(found: dict[str, Any]) -> str:
    rows = []
    for who, by_name in found["who"].items():
        for name in ("ours", "limit"):
            for clients, each in by_name[name].items():
                waits = by_name["waits"][clients] if name == "ours" else {}
                seen = ", ".join(f"{event} {share:.0%}" for event, share in list(waits.items())[:4])
                rows.append(
                    [who, name, clients, f"{each['rate']:,}", f"{each['p50']:.3g}",
                     f"{each['p99']:.3g}", seen]
                )  # fmt: skip
    head = ["who", "", "clients", "sends a second", "p50 ms", "p99 ms", "seen doing"]
    return table(head, rows)


def _slru(found: dict[str, Any]) -> str:
    """Per send, ours and the limit together."""
    whos = found["who"]
    names = [
        name
        for name in dict.fromkeys(name for each in whos.values() for name in each["slru_per_send"])
        if any(each["slru_per_send"].get(name, 0) >= 0.001 for each in whos.values())
    ]
    rows = [
        [name, *(f"{each['slru_per_send'].get(name, 0):.3f}" for each in whos.values())]
        for name in names
    ]
    return table(["for each send", *whos], rows)


def clients(result: Result) -> str:
    found, size = result["clients"], result["size"]
    sections = [
        "# Several clients",
        f"Sends by pgbench from 1 to 32 clients at once, {found['preloaded']:,} messages there at "
        "first. *One tenant*: 20 users who write to one another. *1,000 tenants*: of 20 users "
        "each. *One recipient*: 20 users of one tenant, all to the same user.",
        f"![Sends a second, and p99, by number of clients]({size}-clients.svg)",
        "## Goals",
        goals(clients_goals(found)),
        "## Figures",
        _rates(found),
        "*Seen doing* is what the clients' backends waited for, in samples of pg_stat_activity: "
        "*processor* is running or waiting for a core, *WALSync* the disk, *LWLock WALWrite* "
        "another backend that syncs for both, *BufferContent* a page, *Lock extend* a longer "
        "file.",
        "## Multixacts",
        "Foreign keys lock the rows of the tenant, the users and the skills. Several who lock "
        "one row at a time share a multixact. Accesses of PostgreSQL's caches (pg_stat_slru; "
        "*read* are those that went to a file), ours and the limit's together:",
        _slru(found),
        "## How it was measured",
        setting(result),
    ]
    return "\n\n".join(sections) + "\n"


def _ends(found: dict[str, Any]) -> str:
    rows = []
    for variant, life in found["variants"].items():
        steps = life["steps"]
        middle = len(steps) // 2
        for at, step in (("first", steps[1]), ("middle", steps[middle]), ("last", steps[-1])):
            p99 = step["p99_ms"]
            rows.append(
                [variant, at, f"{step['operations']:,}", f"{step['table'] / 2**20:,.0f}",
                 f"{step['indexes'] / 2**20:,.0f}", f"{step['dead_rows']:,}",
                 str(step["autovacuums"]), f"{step['hot_share']:.0%}",
                 *(f"{p99.get(kind, 0):.3g}" for kind in ("send", "page", "mark read", "accept"))]
            )  # fmt: skip
    head = ["", "step", "operations", "table MiB", "indexes MiB", "dead rows", "autovacuums"]
    kinds = ("send", "page", "mark read", "accept")
    return table([*head, "heap-only updates", *(f"p99 ms {kind}" for kind in kinds)], rows)


def _bloat(found: dict[str, Any]) -> str:
    lives = found["variants"]
    rows = [
        [relation, *(f"{bloat['bytes'] / 2**20:,.1f} ({bloat['bytes'] / bloat['fresh']:.2f})"
                     for life in lives.values() for bloat in [life["bloat"][relation]])]
        for relation in next(iter(lives.values()))["bloat"]
    ]  # fmt: skip
    return table(["MiB at the end (of a fresh copy's)", *lives], rows)


def churn(result: Result) -> str:
    found, size = result["churn"], result["size"]
    lives = found["variants"]
    did = ", ".join(f"{life['steps'][-1]['operations']:,} ({name})" for name, life in lives.items())
    parameters = "\n\n".join(f"```sql\n{life['parameters']};\n```" for life in lives.values())
    sections = [
        "# A long life",
        "Messages are sent, read, decided and purged while the table keeps about "
        f"{found['steady']:,}. Each of these is an operation. {found['wanted']:,} were wanted in "
        f"each of two databases, which live side by side on one server; {did} were done in "
        f"{found['seconds']} s.",
        f"![Table, indexes and p99 over the operations]({size}-churn.svg)",
        _ends(found),
        "## Bloat at the end",
        _bloat(found),
        "## Parameters",
        "PostgreSQL's defaults, and tuned:",
        parameters,
        "## How it was measured",
        "Batches of 100 from one sender to random recipients of one of 100 tenants: sent by "
        "send_skill_messages, then read and decided in random order, ten in a transaction, by an "
        "UPDATE as the service; these do not wait for the disk. Every twentieth "
        "message is unread, and every twentieth is read and pending. purge_skill_messages runs "
        "each time that a fortieth of the operations is done. A second connection makes single "
        "calls, which are timed. To compress the time, `autovacuum_naptime = 3s` and "
        "`autovacuum_vacuum_cost_delay = 0.1ms`, a twentieth of the defaults, in both.",
        setting(result),
    ]
    return "\n\n".join(sections) + "\n"
