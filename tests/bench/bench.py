"""Measures the schema against the limit and against what people would use instead.

python -m tests.bench.bench --output DIRECTORY [--size full] [--only peers …]; writes a page, a
picture and raw figures of each part, and shows what it is doing.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench import churn, clients, pages, peers, plots, report, single
from tests.bench.figures import Goal, Result, Single, clients_goals, peers_goals
from tests.bench.server import SIZES, DurableServer, Size, machine

PARTS: dict[str, Callable[[DurableServer, Size], dict[str, Any]]] = {
    "single": single.run,
    "peers": peers.run,
    "clients": clients.run,
    "churn": churn.run,
}
TITLES = {"peers": "peers", "clients": "several clients", "churn": "a long life"}


def run(parts: list[str], size: Size) -> Result:
    result: Result = {
        "machine": machine(),
        "versions": {name: version(name) for name in ("psycopg", "SQLAlchemy")},
        "settings": size.settings,
    }
    result["versions"]["Python"] = platform.python_version()
    for part in parts:
        started = time.monotonic()
        print(f"{part}:", flush=True)
        # A server of its own: what one part leaves behind, another does not find.
        with DurableServer(size.settings) as server:
            result["versions"]["PostgreSQL"] = server.version
            result[part] = PARTS[part](server, size)
        print(f"{part}: {time.monotonic() - started:.0f} s", flush=True)
    return result


def goals(result: Result) -> list[Goal]:
    found = Single(result["single"]).goals()
    if "peers" in result:
        found += peers_goals(result["peers"])
    if "clients" in result:
        found += clients_goals(result["clients"])
    return found


def write(result: Result, output: Path) -> None:
    """SIZE.md and SIZE-PART.md, with their pictures and raw figures."""
    size = result["size"]
    common = {key: value for key, value in result.items() if key not in PARTS}
    for part, page in (("peers", pages.peers), ("clients", pages.clients), ("churn", pages.churn)):
        if part in result:
            (output / f"{size}-{part}.md").write_text(page(result))
            text = json.dumps(common | {part: result[part]}, indent=1)
            (output / f"{size}-{part}.json").write_text(text + "\n")
    for part, draw in (("clients", plots.clients), ("churn", plots.churn)):
        if part in result:
            plots.save(output / f"{size}-{part}.svg", lambda: draw(result[part]))  # noqa: B023
    if "single" in result:
        found, met = Single(result["single"]), goals(result)
        files = {TITLES[part]: f"{size}-{part}.md" for part in TITLES if part in result}
        (output / f"{size}.md").write_text(report.full(result, met, files))
        own = common | {"goals": [goal.json() for goal in met], "single": result["single"]}
        (output / f"{size}.json").write_text(json.dumps(own, indent=1) + "\n")
        plots.save(output / f"{size}-overview.svg", lambda: plots.overview(found, report.SHOWN))
        plots.save(output / f"{size}-table-size.svg", lambda: plots.by_size(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--churn-operations", type=int, help="in each of two databases")
    parser.add_argument("--churn-seconds", type=int, help="then it stops, wherever it is")
    parser.add_argument("--preloaded", type=int, help="the steady size of the table in a long life")
    arguments = parser.parse_args()
    given = {
        name: getattr(arguments, name)
        for name in ("churn_operations", "churn_seconds", "preloaded")
        if getattr(arguments, name)
    }

    started = time.monotonic()
    arguments.output.mkdir(parents=True, exist_ok=True)
    result = {"size": arguments.size} | run(arguments.only, replace(SIZES[arguments.size], **given))
    result["seconds"] = round(time.monotonic() - started)
    write(result, arguments.output)
    print(f"{arguments.output}/{arguments.size}*.md after {result['seconds']} s")


if __name__ == "__main__":
    main()
