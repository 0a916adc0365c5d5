"""Each campaign, in a process of its own."""

import argparse
import functools
import importlib
import logging
from collections.abc import Iterator
from typing import Any

from tests.trial.report import Figure

# Each lane is a process, one campaign after the other, and has so much of the time.
LANES = [("pooler", "crash", "races"), ("machine",)]
NAMES = [name for lane in LANES for name in lane]
MACHINE = 2 / 3


def campaign(name: str, args: argparse.Namespace) -> Iterator[Figure]:
    function = importlib.import_module(f"tests.soak.{name}").campaign
    if name == "machine":
        return function(args.minutes * MACHINE)  # type: ignore[no-any-return]
    if name == "pooler":
        function = functools.partial(function, programs=args.pgbouncer, seed=args.seed)
    elif name == "crash" and args.output:
        function = functools.partial(function, picture=args.output.with_suffix(".svg"))
    return function(args.minutes)  # type: ignore[no-any-return]


def work(lane: list[str], args: argparse.Namespace, found: Any) -> None:
    """In a process of its own: report the beginning, every figure and the end of each campaign."""
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # a lost connection is nothing special
    for name in lane:
        found.put((name, "begun"))
        try:
            for figure in campaign(name, args):
                found.put((name, figure))
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"
            found.put((name, (f"{name} ran to its end", "yes", seen, False)))
        found.put((name, "ended"))
