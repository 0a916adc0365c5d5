"""Deploy, revert and conversion under conditions that a test cannot wait for: "make trial".

python -m tests.trial [--kills 15] [--rows 1000000] [--output docs/trial.md]
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.trial import adoption, convert, interrupted
from tests.trial.report import Figure, markdown


def figures(kills: int, rows: int, picture: Path | None) -> Iterator[Figure]:
    yield from adoption.campaign(rows)
    yield from convert.campaign(rows, kills, picture)
    yield from interrupted.campaign(kills)


def line(figure: Figure, begun: float) -> str:
    title, _, seen, good = figure
    minutes = (time.monotonic() - begun) / 60
    colour = "green" if good else "red"
    return f"[dim]{minutes:4.1f} min[/]  {escape(title)}: [{colour}]{escape(seen)}"


def table(figures: Iterable[Figure]) -> Table:
    made = Table("what", "goal", "seen", "")
    for title, goal, seen, good in figures:
        made.add_row(
            *map(escape, (title, goal, seen)), "[green]ok[/]" if good else "[red]NOT OK[/]"
        )
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=15, help="of each of five: 15")
    parser.add_argument("--rows", type=int, default=1_000_000, help="1000000")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()

    console = Console(highlight=False)
    begun = time.monotonic()
    found = []
    picture = args.output.with_suffix(".svg") if args.output else None
    for figure in figures(args.kills, args.rows, picture):
        found.append(figure)
        console.print(line(figure, begun), soft_wrap=True)

    console.print(table(found))
    if args.output:
        minutes = (time.monotonic() - begun) / 60
        args.output.write_text(markdown(found, minutes, args.output.stem))
    return 0 if all(good for *_, good in found) else 1


if __name__ == "__main__":
    sys.exit(main())
