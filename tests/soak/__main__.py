"""Nothing lost under fire: "make soak" runs long campaigns of faults, and writes a page.

python -m tests.soak [--minutes 30] [--only races] [--output docs/reliability.md]
"""

import argparse
import multiprocessing
import queue
import sys
import time
from pathlib import Path

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.soak.lanes import LANES, NAMES, work
from tests.soak.report import markdown
from tests.trial.__main__ import line, table
from tests.trial.report import Figure


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="for all of it: 30")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--pgbouncer", nargs="+", default=["pgbouncer"], help="programs to try")
    parser.add_argument("--seed", type=int, help="of the pooler's clients: random")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()

    begun = time.monotonic()
    results: dict[str, list[Figure]] = {name: [] for name in NAMES if name in args.only}
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    processes = []
    for lane in LANES:
        if chosen := [name for name in lane if name in args.only]:
            processes.append(context.Process(target=work, args=(chosen, args, reports)))
            processes[-1].start()

    ended: set[str] = set()
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns) as progress:
        tasks = {}
        while ended < set(results):
            try:
                name, report = reports.get(timeout=1)
            except queue.Empty:
                if any(process.is_alive() for process in processes):
                    continue
                break
            if report == "begun":
                tasks[name] = progress.add_task(name, total=None)
            elif report == "ended":
                ended.add(name)
                progress.remove_task(tasks[name])
            else:
                results[name].append(report)
                progress.console.print(line(report, begun), soft_wrap=True)
    for process in processes:
        process.join()

    found = [figure for figures in results.values() for figure in figures]
    progress.console.print(table(found))
    if args.output:
        minutes = (time.monotonic() - begun) / 60
        args.output.write_text(markdown(results, minutes, args.output.stem))
    whole = ended == set(results)
    if not whole:
        progress.console.print(f"[red]cut off: {', '.join(sorted(set(results) - ended))}")
    return 0 if whole and all(good for *_, good in found) else 1


if __name__ == "__main__":
    sys.exit(main())
