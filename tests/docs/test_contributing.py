"""What CONTRIBUTING.md tells to change is there, and is all that there is to change."""

import re

from tests.docs.test_site import broken
from tools.server import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
FOLDERS = ["deploy", "verify", "sql", "docs", "python", "tests", "tools"]
GENERATED = {"docs/reference.md", "sql/skill_messages.sql"}


def test_the_places_that_name_every_function_are_those_it_lists() -> None:
    """One that is missing there would be forgotten with the next operation."""
    listed = re.findall(r"^    - `([^`]+)`: ", TEXT, re.MULTILINE)
    operations = (ROOT / "deploy/preflight.sql").read_text().partition(".operations()")[2]
    names = set(re.findall(r"^ +'(\w+)\(", operations.partition("\n    ]")[0], re.MULTILINE))
    assert len(names) >= 18
    files = {
        str(file.relative_to(ROOT))
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".sql", ".psql", ".py", ".md"}
        and names <= set(re.findall(r"\w+", file.read_text()))
    }
    assert sorted(listed) == sorted(files - GENERATED)


def test_every_file_that_it_names_is_there() -> None:
    paths = set(re.findall(rf"(?<![\w/])(?:{'|'.join(FOLDERS)})/[\w./]+\.\w+", TEXT))
    paths -= {path for path in paths if "NAME" in path}
    assert len(paths) > 15
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    assert broken(ROOT / "CONTRIBUTING.md") == []
