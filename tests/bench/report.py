"""The full report as Markdown: what a hurried reader wants first, then the goals, then the rest."""

from tests.bench.contestants import ENTRIES
from tests.bench.figures import Goal, Result, Single, ours
from tests.bench.markdown import setting, table
from tests.bench.operations import DELAYED, LARGE_COUNT, LARGE_PAGE

# What the first table and the picture show.
SHOWN = [
    "inbox page",
    LARGE_PAGE,
    "deep page, large inbox",
    "unread count",
    LARGE_COUNT,
    "at most 100, large inbox",
    "mark read",
    "accept",
    "delete skill",
    "send",
    "send 100",
]
NAMES = {"public": "ours", "hand": "by hand", "bare": "limit"}

CONTESTANTS = """
- *Limit* is the same prepared statement on a table with the same indexes, foreign keys and storage
  parameters, by a superuser: no policies, rules, CHECKs or functions. Its ids are random UUIDs;
  ours begin with the time, which helps a large table. *With ids like ours* it has that too.
- *Ours* is the Python package with `prepare=True`, as a signed-in user; deleting a skill as the
  service.
- *By hand* has single-column keys and indexes, one policy, and BEGIN, set_config, statement,
  COMMIT. It pages by OFFSET and counts by fetching ids. Its batch is psycopg's `executemany`.
"""


def summary(found: Single) -> str:
    rows = []
    for operation in SHOWN:
        name = ours(found.operations[operation])
        limit, own, hand = (found.median(operation, each) for each in ("limit", name, "by hand"))
        ratio = found.against(operation, "limit").value
        times = found.against(operation, "by hand").value
        rows.append(
            [operation, *(f"{each:.3g}" if each < 1000 else f"{each:,.0f}"
                          for each in (own, limit, hand)), f"{ratio:.2f}",
             f"{times:.1f}" if times < 10 else f"{times:,.0f}"]
        )  # fmt: skip
    head = ["median ms", "ours", "limit", "by hand", "of the limit's speed"]
    return table([*head, "times as fast as by hand"], rows)


def goals(found: list[Goal]) -> str:
    return table(["", "goal", "measured", ""], [goal.row() for goal in found])


def _latencies(found: Single) -> str:
    names = [name for name in ENTRIES if any(name in each for each in found.operations.values())]
    rows = []
    for operation, by_name in found.operations.items():
        cells = (by_name.get(name) for name in names)
        rows.append(
            [operation]
            + [f"{ms['p50']:.3g} / {ms['p95']:.3g} / {ms['p99']:.3g}" if (ms := cell and cell["ms"])
               else "" for cell in cells]
        )  # fmt: skip
    return table(["p50 / p95 / p99 in ms", *names], rows)


def _delayed(found: Single) -> str:
    names = ["round trip", *DELAYED]
    rows = []
    for operation, by_name in found.result["delayed"].items():
        trips = found.operations[operation]
        cells = [
            f"{by_name[name]['p50']:.3g}"
            + (f" ({trips[name]['round_trips']})" if name in trips else "")
            if name in by_name
            else ""
            for name in names
        ]
        rows.append([operation, *cells])
    return table(["median ms (round trips)", *names], rows)


def _grown(found: Single) -> str:
    return table(
        ["median ms", "", *(f"{size:,}" for size in found.sizes)],
        [
            [operation, name, *(f"{each['p50']:.3g}" for each in by_size.values())]
            for operation, by_name in found.result["by_size"].items()
            for name, by_size in by_name.items()
        ],
    )


def _users(found: Single) -> dict[str, list[str]]:
    """By index, the operations in whose plans it is."""
    used: dict[str, list[str]] = {}
    for operation, by_name in found.operations.items():
        for name, examined in by_name.items():
            for word in " ".join(examined["plan"]).split():
                if name.startswith("ours") and word.endswith(("_idx", "_pkey")):
                    users = used.setdefault(word, [])
                    users += [] if operation in users else [operation]
    return used


def _bytes(found: Single) -> str:
    used, size = _users(found), found.sizes[-1]
    rows = [
        [
            f"{NAMES[schema]}: {relation}",
            f"{count / size:.0f}",
            "; ".join(used.get(relation, [])) if schema == "public" else "",
        ]
        for schema, by_relation in found.result["bytes"].items()
        if schema != "bare"
        for relation, count in by_relation.items()
    ]
    return table(["relation", "bytes per message", "operations whose plans use it"], rows)


def _wal(found: Single) -> str:
    return table(
        ["bytes of WAL per send", "after a checkpoint", "without full pages"],
        [
            [name, *(f"{count:,}" for count in counts.values())]
            for name, counts in found.result["wal_bytes_per_send"].items()
        ],
    )


def full(result: Result, met: list[Goal], pages: dict[str, str]) -> str:
    """The page; `pages` are titles and files of the further ones of the same run."""
    found, size = Single(result["single"]), result["size"]
    count = found.isolated(LARGE_COUNT)
    links = "; ".join(f"[{title}]({file})" for title, file in pages.items())
    sections = [
        f"# Benchmark, {size}",
        f"{found.sizes[-1]:,} messages, {found.result['tenants']:,} tenants, one inbox of "
        f"{found.result['large_inbox']:,}, all unread. One client on loopback. All from one run.",
        summary(found),
        f"![Ours, the limit and by hand, in milliseconds]({size}-overview.svg)",
        CONTESTANTS.strip(),
        f"Of the same run: {links}." if links else "",
        "## Goals",
        goals(met),
        "The exact count of the large inbox has no goal for isolation: it takes "
        f"{count.value:.2f} of the time without policies, since both users of every entry are "
        "compared. `at_most` avoids it.",
        "The contestants take turns, ten in a round, each in another order; warm-up is dropped. "
        "A ratio is the median of the rounds' ratios. Quartiles and all raw figures are in "
        f"[{size}.json]({size}.json).",
        "## How it was measured",
        f"{setting(result)} Took {result['seconds']} s; `make bench SIZE={size}`. Indexes were "
        "built after loading by COPY and are in shared_buffers at first. Tenants, users and "
        "skills have ids of 5 to 9 characters. *Unprepared* is as behind a pooler that knows no "
        "prepared statements; *no policies* is a role that bypasses row-level security; *ORM* is "
        "SQLAlchemy on the table by hand; *by hand, our table* is by hand on ours, as the "
        "service.",
        "## All contestants",
        _latencies(found),
        "## As the table grows",
        f"![Latency by size of the table]({size}-table-size.svg)",
        _grown(found),
        "## 1 ms away, each way",
        _delayed(found),
        "## Storage",
        _bytes(found),
        _wal(found),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"
