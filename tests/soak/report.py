"""What the campaigns found, as a page."""

import os
import platform
from datetime import date

import psycopg

from tests.trial.report import Figure, rows, version

PAGE = """\
# Reliability

Campaigns of random faults, and what they found. `make soak` runs them all again and writes this
page; `MINUTES=10` makes them shorter. {violations}

{postgres}, psycopg {psycopg} on Python {python}, {cores} cores, {date}; {minutes:.0f} minutes.
{sections}
"""

SECTION = """
## {title}

{text}

Again: `make soak ARGS="--only {name}"`.

| what | goal | seen | |
|---|---|---|---|
{rows}
"""

TEXTS = {
    "pooler": (
        "No leak under a pooler",
        """\
50 clients of 20 tenants share two server connections of a PgBouncer in transaction mode. Half of
the clients are async. With each operation a client acts for another tenant and user. Ids are the
same in all tenants, so only the tenant tells rows apart. Every row that comes back is compared
with who asked, and at the end every stored row with who sent it.

Faults are mixed in at random: unknown users and ids, ids of another tenant, a second tenant in
the same transaction, cancelled statements, clients that vanish in mid-transaction, two kinds of
timeouts, and server connections terminated by the administrator. With `bare`, a client reads
without a context: it must see nothing.

`--pgbouncer PROGRAM …` tries other versions of PgBouncer, `--seed` repeats the choices.""",
    ),
    "crash": (
        "Nothing lost in a crash",
        """\
Eight clients send messages with ids of their own, decide and read them. When a call is cut off,
they try again with the same id, or give up. The server waits for the disk (`fsync` and
`synchronous_commit` on, with data checksums). The postmaster and all its processes get `kill -9`
at a random moment, and the server starts again. Then every message that was acknowledged must be
there once, with the decision and the reading that were acknowledged. No message may be there
twice. `pg_amcheck --heapallindexed` compares every table with its indexes.

For promotions there is a streaming standby (`pg_basebackup`, `synchronous_standby_names = '*'`).
The primary is killed, the standby is promoted, and the next standby is made from it, while the
clients go on.

![Calls acknowledged, second by second]({stem}.svg)

A line in the picture is a kill.""",
    ),
    "races": (
        "Exactly one wins",
        """\
Two transactions have begun and have their snapshots. A barrier lets both act at once, on one
message. What is seen stands in the order of the title: `done / SM003 70` means that the first was
done and the second was told SM003, 70 times. *Finds nothing* is an answer of 0, or a purge that
skipped what somebody else had locked.

| what the caller gets | when |
|---|---|
| SM002, SM003, SM004, 23503 | READ COMMITTED: the other was first; the error says what is so now |
| 40001 | REPEATABLE READ and SERIALIZABLE: the other was first; run the transaction again |
| SM005 | any level: the transaction acts for another tenant or user already |

So under READ COMMITTED no call needs to be repeated. Above it, repeat the transaction on 40001,
as with any other statement. Where both are done, one came after the other: a message was accepted
and then erased, for instance. After each round the table must show what the callers were
told.""",
    ),
    "machine": (
        "The same as a model",
        """\
Random operations by random actors of several tenants, through functions and by direct SQL, with
hostile values. A small model in Python says what each must answer. Answers and tables are
compared after every step.""",
    ),
}


def markdown(results: dict[str, list[Figure]], minutes: float, stem: str) -> str:
    wrong = sum(not good for figures in results.values() for *_, good in figures)
    return PAGE.format(
        violations="There was no violation." if not wrong else f"**{wrong} figures are wrong.**",
        postgres=version("postgres"),
        psycopg=psycopg.__version__,
        python=platform.python_version(),
        cores=os.cpu_count(),
        date=date.today().isoformat(),
        minutes=minutes,
        sections="".join(
            SECTION.format(
                name=name,
                title=TEXTS[name][0],
                text=TEXTS[name][1].replace("{stem}", stem),
                rows=rows(figures).replace("; ", "<br>"),
            )
            for name, figures in results.items()
        ).rstrip(),
    )
