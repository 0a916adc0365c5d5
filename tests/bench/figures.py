"""What a run found: medians, and ratios of medians of interleaved rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from tests.bench.operations import LARGE_COUNT

Result = dict[str, Any]
ENOUGH = 3  # rounds; of what has fewer, all runs count together


@dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, and the quartiles of these."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, one: Result, other: Result, key: str = "p50") -> "Ratio":
        pairs: Sequence[float] = [
            a / b for a, b in zip(one["rounds"], other["rounds"], strict=False) if a and b
        ]
        if len(pairs) < ENOUGH:
            pairs = [one[key] / other[key]] * 2
        quartiles = quantiles(pairs, n=4, method="inclusive")
        return cls(median(pairs), quartiles[0], quartiles[2])


@dataclass(frozen=True)
class Goal:
    """One bound, and all that it is about, by name."""

    text: str
    ratios: dict[str, Ratio]
    at_least: float = 0
    at_most: float = float("inf")

    def missed(self) -> dict[str, Ratio]:
        return {
            name: each
            for name, each in self.ratios.items()
            if not self.at_least <= round(each.value, 2) <= self.at_most
        }

    def row(self) -> list[str]:
        bound = f"≥ {self.at_least:g}" if self.at_least else f"≤ {self.at_most:g}"
        values = [each.value for each in self.ratios.values()]
        span = " to ".join(dict.fromkeys(f"{each:.3g}" for each in (min(values), max(values))))
        missed = ", ".join(
            f"{name} {each.value:.2f}" if len(values) > 1 else ""
            for name, each in self.missed().items()
        )
        met = "met" if not self.missed() else f"**not met**{missed and ': ' + missed}"
        return [self.text, bound, span, met]

    def json(self) -> Result:
        return {
            "goal": self.text,
            **({"at_least": self.at_least} if self.at_least else {"at_most": self.at_most}),
            "ratios": {
                name: [round(part, 4) for part in (each.value, each.low, each.high)]
                for name, each in self.ratios.items()
            },
            "not_met": list(self.missed()),
        }


def ours(by_name: Result) -> str:
    """The signed-in user, where one may do it."""
    return "ours, app" if "ours, app" in by_name else "ours, service"


class Single:
    """What one client found."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.sizes: list[int] = result["sizes"]
        self.operations: Result = result["operations"]

    def ms(self, operation: str, name: str) -> Result:
        stats: Result = self.operations[operation][name]["ms"]
        return stats

    def median(self, operation: str, name: str) -> float:
        return float(self.ms(operation, name)["p50"])

    def against(self, operation: str, other: str) -> Ratio:
        """How many times as fast as the other ours is."""
        name = ours(self.operations[operation])
        return Ratio.of(self.ms(operation, other), self.ms(operation, name))

    def takes(self, operation: str, other: str) -> Ratio:
        """How many times the other's time ours takes."""
        name = ours(self.operations[operation])
        return Ratio.of(self.ms(operation, name), self.ms(operation, other))

    def isolated(self, operation: str) -> Ratio:
        """The slower of app and service against a role that bypasses the policies."""
        free = self.ms(operation, "ours, no policies")
        by_name = self.operations[operation]
        both = [name for name in ("ours, app", "ours, service") if name in by_name]
        ratios = [Ratio.of(self.ms(operation, name), free) for name in both]
        return max(ratios, key=lambda each: each.value)

    def grown(self, operation: str, name: str) -> Ratio:
        """The largest table against the smallest."""
        sizes = self.result["by_size"][operation][name]
        return Ratio.of(sizes[str(self.sizes[-1])], sizes[str(self.sizes[0])])

    def goals(self) -> list[Goal]:
        delayed, by_size = self.result["delayed"], self.result["by_size"]
        pages = [name for name in self.operations if name.endswith(("page", "page, large inbox"))]
        trips = {
            name: Ratio(*[by_name[ours(by_name)]["round_trips"]] * 3)
            for name, by_name in self.operations.items()
        }
        far = {
            name: Ratio.of(by_name["by hand"], by_name[ours(by_name)])
            for name, by_name in delayed.items()
        }
        batch = far.pop("send 100")
        isolated = {name: self.isolated(name) for name in self.operations if name != LARGE_COUNT}
        grown = {name: self.grown(name, "ours, app") for name in by_size if name != LARGE_COUNT}
        batches = ("send 100", "send 1000")
        return [
            Goal("send, of the limit", {"": self.against("send", "limit")}, 0.95),
            Goal(
                "send, of the limit with ids like ours",
                {"": self.against("send", "limit, our ids")},
                0.95,
            ),
            Goal("pages, of the limit", {n: self.against(n, "limit") for n in pages}, 0.85),
            Goal("mark read, of the limit", {"": self.against("mark read", "limit")}, 0.85),
            Goal("accept, of the limit", {"": self.against("accept", "limit")}, 0.75),
            Goal("time with isolation, of the time without", isolated, at_most=1.1),
            Goal(
                f"time with {self.sizes[-1]:,} messages, of the time with {self.sizes[0]:,}",
                grown,
                at_most=1.3,
            ),
            Goal("round trips of a call", trips, at_most=1),
            Goal("1 ms away, times as fast as by hand", far, 3),
            Goal("1 ms away, send 100, times as fast as by hand", {"": batch}, 1.5),
            Goal(
                "batch, of the time of executemany into the same table",
                {name: self.takes(name, "by hand, our table") for name in batches},
                at_most=0.6,
            ),
            Goal(
                "batch, of the time of executemany into the table by hand",
                {name: self.takes(name, "by hand") for name in batches},
                at_most=1,
            ),
        ]


def peers_goals(result: Result) -> list[Goal]:
    return [
        Goal(
            f"sends a second, of procrastinate's enqueues, {clients} clients",
            {"": Ratio.of(by_name["ours"], by_name["procrastinate"], "rate")},
            least,
        )
        for clients, least in (("2", 0.95), ("8", 1.3))
        for by_name in [result["pgbench"][clients]]
    ]


def clients_goals(result: Result) -> list[Goal]:
    return [
        Goal(
            "sends a second, 32 clients of 8",
            {
                who: Ratio.of(found["ours"]["32"], found["ours"]["8"], "rate")
                for who, found in result["who"].items()
            },
            0.9,
        )
    ]
