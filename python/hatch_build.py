"""Puts the schema, which lies beside this folder in the repository, into the package."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SCHEMA = [
    *("sqitch.plan", "sqitch.conf", "deploy", "revert", "verify", "sql"),
    "tests/pgtap",
]


class SchemaHook(BuildHookInterface[Any]):
    """An sdist carries the schema inside the package already, and so does a wheel made from it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        package = Path("src/skill_messages")
        if version == "editable" or Path(self.root, package, "schema").exists():
            return
        where = package if self.target_name == "sdist" else Path(package.name)
        for name in SCHEMA:
            source = Path(self.root).parent / name
            build_data["force_include"][str(source)] = str(where / "schema" / name)
