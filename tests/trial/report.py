"""What the campaigns found, as a page."""

import os
import subprocess
from collections.abc import Iterable
from datetime import date

# What was tried, what it must be, what was seen, whether that is good.
Figure = tuple[str, str, str, bool]

PAGE = """\
# The trial

Deploy, revert and conversion under traffic and under `kill -9`: `make trial` does all this again
and writes this page.
{postgres}, {sqitch}, {cores} cores, {date}; {minutes:.0f} minutes.

| what | goal | seen | |
|---|---|---|---|
{rows}

![The longest statement of the clients, second by second]({stem}.svg)

The picture shows what four clients felt while the large table was converted and deployed upon.
Waits are those of the host's clients for a lock on a table, as the server logs them. A kill ends
Sqitch and psql at a random moment; then the same command is run again, and the dump is compared
with that of a run that nobody disturbed. Where the kill came while Sqitch made its own registry,
that is dropped first, as the [guide](operating.md) says.
"""


def version(program: str) -> str:
    command = [program, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[0]


def rows(figures: Iterable[Figure]) -> str:
    """The rows of a table."""
    return "\n".join(
        f"| {title} | {goal} | {seen} | {'ok' if good else '**not ok**'} |"
        for title, goal, seen, good in figures
    )


def markdown(figures: list[Figure], minutes: float, stem: str) -> str:
    return PAGE.format(
        postgres=version("postgres"),
        sqitch=version("sqitch"),
        cores=os.cpu_count(),
        date=date.today().isoformat(),
        minutes=minutes,
        stem=stem,
        rows=rows(figures),
    )
