"""The pictures: byte for byte the same from the same numbers."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.figures import Result, Single, ours
from tests.bench.operations import LARGE_PAGE

COLOURS = {"ours": "#0b6e4f", "limit": "#9ca3af", "by hand": "#d97706"}
LEFT = 0.02  # milliseconds, where the bars begin
LINES = ("#0b6e4f", "#d97706", "#6b7280")


def save(path: Path, draw: Callable[[], None]) -> None:
    with mpl.rc_context({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 10}):
        draw()
        plt.savefig(path, metadata={"Date": None}, bbox_inches="tight")
        plt.close()


def _legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """One for all."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns,
                  frameon=False)  # fmt: skip


def overview(found: Single, shown: list[str]) -> None:
    """The limit, ours and by hand, in milliseconds."""
    _, axes = plt.subplots(figsize=(8.5, 0.72 * len(shown)))
    for number, (label, colour) in enumerate(COLOURS.items()):
        for row, operation in enumerate(shown):
            by_name = found.operations[operation]
            value = found.median(operation, ours(by_name) if label == "ours" else label)
            at = row + (number - 1) * 0.26
            axes.barh(
                at,
                value - LEFT,
                height=0.24,
                left=LEFT,
                color=colour,
                label=None if row else label,
            )
            axes.text(value * 1.08, at, f"{value:,.3g}" if value < 1000 else f"{value:,.0f}",
                      va="center", fontsize=8)  # fmt: skip
    axes.set(
        xscale="log",
        xlim=(LEFT, 20000),
        xlabel=f"median milliseconds with {found.sizes[-1]:,} messages (log scale); short is fast",
        yticks=range(len(shown)),
        yticklabels=shown,
    )
    axes.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.invert_yaxis()
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def by_size(found: Single) -> None:
    shown = ("inbox page", LARGE_PAGE, "mark read", "send")
    _, grid = plt.subplots(1, len(shown), figsize=(11, 3), sharey=True)
    for axes, operation in zip(grid, shown, strict=True):
        for label, colour in COLOURS.items():
            name = "ours, app" if label == "ours" else label
            medians = [each["p50"] for each in found.result["by_size"][operation][name].values()]
            axes.plot(found.sizes, medians, marker="o", markersize=4, color=colour, label=label)
        axes.set(xscale="log", yscale="log", title=operation, xlabel="messages")
        axes.spines[["top", "right"]].set_visible(False)
    grid[0].set_ylabel("median ms")
    grid[0].legend(frameon=False, fontsize=9)


def clients(result: Result) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5))
    for colour, (who, found) in zip(LINES, result["who"].items(), strict=True):
        for name, style in (("ours", "-"), ("limit", ":")):
            counts = list(map(int, found[name]))
            for axes, key in ((left, "rate"), (right, "p99")):
                values = [each[key] for each in found[name].values()]
                axes.plot(counts, values, style, marker="o", markersize=4, color=colour,
                          label=f"{name}, {who}")  # fmt: skip
    for axes, title in ((left, "sends a second"), (right, "p99 of a send, ms")):
        axes.set(xscale="log", xlabel="clients", title=title, ylim=(0, None),
                 xticks=counts_of(result), xticklabels=counts_of(result))  # fmt: skip
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    _legend_below(figure, left, 3)


def counts_of(result: Result) -> list[int]:
    return [int(each) for each in next(iter(result["who"].values()))["ours"]]


def churn(result: Result) -> None:
    figure, grid = plt.subplots(1, 3, figsize=(12, 3.5))
    for colour, (variant, found) in zip(LINES, result["variants"].items(), strict=False):
        steps = found["steps"]
        done = [each["operations"] / 1e6 for each in steps]
        for axes, key in zip(grid, ("table", "indexes"), strict=False):
            axes.plot(done, [each[key] / 2**20 for each in steps], color=colour)
            axes.set(title=f"{key}, MiB", xlabel="million operations", ylim=(0, None))
        for kind, style in (("send", "-"), ("page", ":")):
            grid[2].plot(
                done[1:],
                [each["p99_ms"].get(kind) for each in steps[1:]],
                style,
                color=colour,
                label=f"{kind}, {variant}",
            )
    grid[2].set(title="p99 of single calls, ms", xlabel="million operations", ylim=(0, None))
    for axes in grid:
        axes.spines[["top", "right"]].set_visible(False)
    _legend_below(figure, grid[2], 2)
