"""Bursts of pgbench: the same calls without Python, from as many clients as one likes."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.bench.hosts import MESSAGE, USERS

WARM_UP = 0.5  # seconds of a burst that do not count


@dataclass(frozen=True)
class Burst:
    """Transactions a second, and the milliseconds of each."""

    rate: float
    latencies: list[float]


def burst(
    conninfo: str, script: str, clients: int, seconds: float, variables: Mapping[str, str]
) -> Burst:
    """Prepared statements, two threads."""
    definitions = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "script.sql")
        file.write_text(script)
        options = f"-n -M prepared -T {seconds:.0f} -c {clients} -j {min(clients, 2)} --log".split()
        log = f"--log-prefix={directory}/log"
        subprocess.run(
            ["pgbench", *options, log, *definitions, "-f", file, conninfo],
            env=os.environ | {"PGOPTIONS": "-c search_path=public"},
            check=True,
            capture_output=True,
        )
        lines = [
            line.split()
            for log_file in Path(directory).glob("log.*")
            for line in log_file.read_text().splitlines()
        ]
    # The third column is the time taken, the last two when it was over.
    done = [(int(each[4]) + int(each[5]) / 1e6, int(each[2]) / 1000) for each in lines]
    first, last = min(done)[0] + WARM_UP, max(done)[0]
    counted = [latency for at, latency in done if at > first]
    return Burst(len(counted) / (last - first), counted)


def summary(bursts: list[Burst]) -> dict[str, Any]:
    """The median round, and all rounds."""
    latencies = [each for burst in bursts for each in burst.latencies]
    return {
        "rate": round(median(each.rate for each in bursts)),
        "p50": round(median(latencies), 3),
        "p99": round(quantiles(latencies, n=100)[98], 3),
        "rounds": [round(each.rate) for each in bursts],
    }


def script(tenant: str, recipient: str, statement: str) -> str:
    """With the variables t, a and b: tenant, sender and recipient."""
    return (
        f"\\set t {tenant}\n\\set a :t * {USERS} + random(0, {USERS - 1})\n\\set b {recipient}\n"
        + " ".join(statement.split())
        + "\n"
    )


VARIABLES = {"message": MESSAGE}
# As the Python package sends it.
OURS = """
SELECT public.send_skill_message(
    from_user_id => :a::pg_catalog.text,
    to_user_id => :b::pg_catalog.text,
    subject_skill_id => :a::pg_catalog.text,
    message => :message::pg_catalog.text,
    proposed_parent_skill_id => :b::pg_catalog.text,
    id => NULL::pg_catalog.text
) FROM public.set_skill_message_context(:t::pg_catalog.text, :a::pg_catalog.text);
"""
LIMIT = """
INSERT INTO bare.skill_messages (
    tenant_id, from_user_id, to_user_id, subject_skill_id, proposed_parent_skill_id, message
) VALUES (:t, :a, :b, :a, :b, :message) RETURNING id;
"""
