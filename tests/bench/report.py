"""The goals against what was measured, as Markdown, and the plots."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from tests.bench.contestants import FEW

Result = dict[str, Any]

LARGE = "inbox page, large inbox"
NAMES = {"public": "ours", "hand": "by hand", "bare": "limit"}
COLOURS = {
    "limit": "#6b7280",
    "ours, app": "#0b6e4f",
    "ours, app, unprepared": "#06402e",
    "ours, service": "#3fa37c",
    "ours, no policies": "#a3d9c0",
    "by hand": "#d97706",
    "ORM": "#b91c1c",
}


class Measured:
    """The medians of a run, in milliseconds, and their ratios."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.sizes = sorted(map(int, result["tables"]))

    def operations(self, size: int | None = None) -> dict[str, Any]:
        table: Result = self.result["tables"][str(self.sizes[-1] if size is None else size)]
        operations: dict[str, Any] = table["operations"]
        return operations

    def median(self, operation: str, contestant: str, size: int | None = None) -> float:
        return float(self.operations(size)[operation][contestant]["ms"]["p50"])

    def times(self, operation: str, one: str, other: str) -> float:
        """How many times as fast as the other the one is."""
        return self.median(operation, other) / self.median(operation, one)

    def delayed(self, operation: str, contestant: str) -> float:
        return float(self.result["delayed"][operation][contestant]["p50"])


@dataclass(frozen=True)
class Goal:
    """A row of the table; `at_least` and `at_most` bound the ratio; the limit's is the floor."""

    text: str
    ratio: float
    at_least: float = 0
    at_most: float = float("inf")
    floor: float | None = None

    def line(self) -> str:
        bound = f"≥ {self.at_least:g}" if self.at_least else f"≤ {self.at_most:g}"
        met = "met" if self.at_least <= self.ratio <= self.at_most else "**not met**"
        floor = "" if self.floor is None else f" (the limit: {self.floor:.3g})"
        return f"| {self.text} | {bound} | {self.ratio:.3g}{floor} | {met} |"


def goals(found: Measured) -> list[Goal]:
    app, service, free = "ours, app", "ours, service", "ours, no policies"
    small, largest = found.sizes[1], found.sizes[-1]
    times, operations = found.times, found.operations()

    def worst(operation: str) -> float:
        group = [found.median(operation, name) for name in (app, service, free)]
        return max(group) / min(group)

    def far(operation: str, other: str) -> float:
        ours = app if app in found.result["delayed"][operation] else service
        return found.delayed(operation, other) / found.delayed(operation, ours)

    return [
        Goal("send, of the limit", times("send", app, "limit"), 0.9),
        Goal("send, times as fast as by hand", times("send", app, "by hand"), 1.8),
        Goal("send, times as fast as the ORM", times("send", app, "ORM"), 4),
        *(
            Goal(
                f"1 ms away, round trips' time: {name}",
                1 / far(name, "round trip"),
                at_most=1.15,
                floor=found.delayed(name, "limit") / found.delayed(name, "round trip"),
            )
            for name in found.result["delayed"]
        ),
        *(
            Goal(f"1 ms away, by hand: {name}", far(name, "by hand"), 3)
            for name in found.result["delayed"]
        ),
        *(
            Goal(f"{name}, of the limit", times(name, app, "limit"), 0.85)
            for name in ("inbox page", LARGE, "deep page, large inbox", "mark read", "accept")
        ),
        *(
            Goal(f"{name}, of the limit", times(name, app, "limit"), 0.85)
            for name in operations
            if "same indexes" in name
        ),
        Goal(
            "unread count, large inbox, against a bare count by the same index",
            times("unread count, large inbox, same index", "limit", app),
            at_most=1.3,
        ),
        Goal(f"{LARGE}, times as fast as by hand", times(LARGE, app, "by hand"), 50),
        *(
            Goal(
                f"{name}, {largest:,} messages against {small:,}",
                found.median(name, app) / found.median(name, app, small),
                at_most=1.3,
            )
            for name in ("inbox page", LARGE)
        ),
        Goal(
            "unread count, large inbox, against a bare index-only count",
            times("unread count, large inbox", "limit", app),
            at_most=1.3,
        ),
        Goal(
            "unread count, large inbox, times as fast as by hand",
            times("unread count, large inbox", app, "by hand"),
            20,
        ),
        Goal(
            "at most 100, large inbox against empty inbox",
            found.median("at most 100, large inbox", app)
            / found.median("at most 100, empty inbox", app),
            at_most=1.5,
        ),
        Goal(
            "delete skill, against an unused one with no messages at all",
            found.median("delete skill", service) / found.median("delete unused skill", service, 0),
            at_most=5,
        ),
        *(
            Goal(f"slowest of app, service, no policies: {name}", worst(name), at_most=1.1)
            for name in operations
            if {app, free} <= set(operations[name])
        ),
    ]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _latencies(found: Measured, size: int) -> str:
    rows = []
    for operation, by_name in found.operations(size).items():
        cells = (by_name.get(name) for name in COLOURS)
        rows.append(
            [operation]
            + [f"{ms['p50']:.3g} / {ms['p95']:.3g} / {ms['p99']:.3g}" if (ms := cell and cell["ms"])
               else "" for cell in cells]
        )  # fmt: skip
    return table(["p50 / p95 / p99 in ms", *COLOURS], rows)


def _delayed(found: Measured) -> str:
    names = ["round trip", *FEW]
    rows = []
    for operation, by_name in found.result["delayed"].items():
        trips = found.operations()[operation]
        rows.append(
            [operation]
            + [
                f"{by_name[name]['p50']:.3g}"
                + (f" ({trips[name]['round_trips']})" if name in trips else "")
                if name in by_name
                else ""
                for name in names
            ]
        )
    return table(["median ms (round trips)", *names], rows)


def _throughput(found: Measured) -> str:
    return table(
        [
            "operations per second",
            "connections",
            *next(iter(next(iter(found.result["throughput"].values())).values())),
        ],
        [
            [operation, connections, *(f"{rates[name]:,}" for name in rates)]
            for operation, by_count in found.result["throughput"].items()
            for connections, rates in by_count.items()
        ],
    )


def _bytes(found: Measured) -> str:
    size = found.sizes[-1]
    relations = found.result["tables"][str(size)]["bytes"]
    used: dict[str, list[str]] = {}
    for operation, by_name in found.operations().items():
        for name, examined in by_name.items():
            for node in examined["plan"]:
                for word in node.split():
                    users = used.setdefault(word, [])
                    if name.startswith("ours") and word.endswith(("_idx", "_pkey")):
                        users += [] if operation in users else [operation]
    return table(
        ["relation", "bytes per message", "operations whose plans use it"],
        [
            [
                f"{NAMES[schema]}: {relation}",
                f"{count / size:.0f}",
                "; ".join(used.get(relation, [])) if schema == "public" else "",
            ]
            for schema, by_relation in relations.items()
            for relation, count in by_relation.items()
        ],
    )


def _wal(found: Measured) -> str:
    return table(
        ["bytes of WAL per send", "messages", "after a checkpoint", "without full pages"],
        [
            [name, f"{size:,}", *(f"{count:,}" for count in counts.values())]
            for size in found.sizes[1:]
            for name, counts in found.result["tables"][str(size)]["wal_bytes_per_send"].items()
        ],
    )


def _plans(found: Measured) -> str:
    return table(
        ["operation", "contestant", "plan nodes, all statements"],
        [
            [operation, name, "; ".join(examined["plan"])]
            for operation, by_name in found.operations().items()
            for name, examined in by_name.items()
        ],
    )


def markdown(result: Result) -> str:
    found, machine = Measured(result), result["machine"]
    settings = ", ".join(f"`{name} = {value}`" for name, value in result["settings"].items())
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    rates = result["pgbench"]
    size = result["size"]
    sections = [
        f"# Benchmark, {size}",
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB; "
        f"{versions}. fsync on ({machine['fsync_ms']['p50']:.2g} ms for a page), warm cache, "
        f"defaults except {settings}. Took {result['seconds']} s; `make bench SIZE={size}`.",
        "Contestants: *limit* is the bare prepared statement, by a superuser, on a table with just "
        "the index that the statement wants; where it says *same indexes*, with all of ours. "
        "*Ours* is the Python package, prepared too, as the app and as the service role; "
        "*unprepared* as behind a pooler that knows no prepared statements; *no policies* for a "
        "role that bypasses row-level security. *By hand* has single-column keys and indexes, one "
        "tenant policy and a transaction of four round trips, counts unread messages by fetching "
        "their ids and pages by OFFSET. *ORM* is SQLAlchemy on the same table.",
        "Runs are interleaved, warm-up is dropped, and ratios are of medians of one run. Indexes "
        "were built after loading by COPY and are in shared_buffers at first. Tenants, users and "
        "skills have ids of 5 to 9 characters, messages random UUIDs.",
        f"![Overview]({size}-overview.svg)",
        "## Goals",
        table(["", "goal", "measured", ""], []),
        "\n".join(goal.line() for goal in goals(found)),
        *(
            text
            for size_ in reversed(found.sizes)
            for text in (f"## {size_:,} messages", _latencies(found, size_))
        ),
        f"![Latency against table size]({size}-table-size.svg)",
        "## 1 ms away, each way",
        _delayed(found),
        "## Several connections",
        _throughput(found),
        "## Without Python: pgbench",
        table(
            ["median ms", "limit", "ours, app", "ratio"],
            [
                [operation, f"{limit:.3g}", f"{ours:.3g}", f"{limit / ours:.2f}"]
                for operation, by_name in rates.items()
                for limit, ours in [(by_name["limit"]["p50"], by_name["ours, app"]["p50"])]
            ],
        ),
        "## Storage",
        _bytes(found),
        _wal(found),
        "## Plans",
        _plans(found),
    ]
    text = "\n\n".join(sections) + "\n"
    return text.replace("---: |\n\n| send, of", "---: |\n| send, of")


def _save(path: Path, draw: Callable[[], None]) -> None:
    """Byte for byte the same from the same numbers."""
    with mpl.rc_context({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9}):
        draw()
        plt.savefig(path, metadata={"Date": None}, bbox_inches="tight")
        plt.close()


def _overview(found: Measured) -> None:
    operations = found.operations()
    _, axes = plt.subplots(figsize=(9, 7))
    for offset, (name, colour) in enumerate(COLOURS.items()):
        for row, (operation, by_name) in enumerate(operations.items()):
            if name in by_name:
                ratio = found.times(operation, "limit", name)
                at = row + (offset - 3) / 8
                axes.barh(at, ratio - 0.1, height=1 / 8, left=0.1, color=colour,
                          label=name if operation == "send" else None)  # fmt: skip
                axes.text(ratio * 1.04, at, f"{ratio:.3g}", va="center", fontsize=5)
    axes.axvline(1, color="black", linewidth=0.6)
    axes.set(
        xscale="log",
        xlim=(0.5, None),
        xlabel=f"median latency relative to the limit, {found.sizes[-1]:,} messages (log scale)",
        yticks=range(len(operations)),
        yticklabels=list(operations),
    )
    axes.invert_yaxis()
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(COLOURS), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _by_size(found: Measured) -> None:
    shown = ("inbox page", LARGE, "send", "delete skill")
    _, grid = plt.subplots(1, len(shown), figsize=(11, 3), sharey=True)
    for axes, operation in zip(grid, shown, strict=True):
        sizes = found.sizes[1:]
        for name, colour in COLOURS.items():
            if name in found.operations()[operation]:
                medians = [found.median(operation, name, size) for size in sizes]
                axes.plot(sizes, medians, marker="o", markersize=3, color=colour, label=name)
        axes.set(xscale="log", yscale="log", title=operation, xlabel="messages")
        axes.spines[["top", "right"]].set_visible(False)
    grid[0].set_ylabel("median ms")
    grid[0].legend(frameon=False, fontsize=7)


def write_report(result: Result, output: Path) -> None:
    """SIZE.md, SIZE-overview.svg and SIZE-table-size.svg, next to the raw SIZE.json."""
    found = Measured(result)
    (output / f"{result['size']}.md").write_text(markdown(result))
    _save(output / f"{result['size']}-overview.svg", lambda: _overview(found))
    _save(output / f"{result['size']}-table-size.svg", lambda: _by_size(found))
