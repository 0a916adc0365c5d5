"""The same calls from pgbench: what they cost without Python."""

import os
import subprocess
import tempfile
from dataclasses import astuple
from pathlib import Path

from tests.bench.contestants import ENTRIES, PAGE, WRITTEN
from tests.bench.data import COLUMNS, Population
from tests.bench.measure import Stats, stats
from tests.bench.operations import World

ROUNDS = 3  # the first is dropped


def scripts(population: Population) -> dict[str, dict[str, list[str]]]:
    """By operation and contestant, the same script for several users or proposals."""
    users = population.typical
    proposals = [population.proposal() for _ in users]
    return {
        "inbox page": {
            "limit": [
                f"SELECT {COLUMNS} FROM skill_messages WHERE to_user_id = '{user.id}'"  # noqa: S608
                f" ORDER BY created_at DESC, id DESC LIMIT {PAGE};"
                for user in users
            ],
            "ours, app": [
                "SELECT (row).* FROM ("  # noqa: S608
                f"SELECT get_messages_for_user('{user.id}', {PAGE}) AS row"
                f" FROM set_skill_message_context('{user.tenant_id}', '{user.id}')) AS called;"
                for user in users
            ],
        },
        "send": {
            "limit": [
                f"INSERT INTO skill_messages ({WRITTEN}) VALUES {astuple(each)} RETURNING id;"  # noqa: S608
                for each in proposals
            ],
            "ours, app": [
                "SELECT send_skill_message("  # noqa: S608
                + ", ".join(f"{name} => '{value}'" for name, value in each.content.items())
                + f") FROM set_skill_message_context('{each.tenant_id}', '{each.from_user_id}');"
                for each in proposals
            ],
        },
    }


def _burst(world: World, name: str, files: list[str], seconds: int, directory: str) -> list[float]:
    entry = ENTRIES[name]
    prefix = f"{directory}/log"
    subprocess.run(
        ["pgbench", "-n", "-M", "prepared", "-T", str(seconds), "--log", "--log-prefix", prefix]
        + [argument for file in files for argument in ("-f", file)]
        + [f"{world.conninfo} user={entry.role}"],
        env=os.environ | {"PGOPTIONS": f"-c search_path={entry.schema}"},
        check=True,
        capture_output=True,
    )
    (log,) = Path(directory).glob("log.*")
    latencies = [int(line.split()[2]) / 1e6 for line in log.read_text().splitlines()]
    log.unlink()
    return latencies


def pgbench(world: World, operation: str, seconds: int) -> dict[str, Stats]:
    """Bursts of the limit and ours in turn."""
    samples: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        files: dict[str, list[str]] = {}
        for name, texts in scripts(world.population)[operation].items():
            files[name] = []
            for number, text in enumerate(texts):
                file = Path(directory, f"{name[:4]}-{number}.sql")
                file.write_text(text)
                files[name].append(str(file))
        for turn in range(ROUNDS):
            for name in files:
                latencies = _burst(world, name, files[name], seconds, directory)
                if turn:
                    samples.setdefault(name, []).extend(latencies)
    return {name: stats(taken) for name, taken in samples.items()}
