"""The threat model names tests that exist, and every file of attacks."""

import re

from tools.server import ROOT

TABLE = (ROOT / "SECURITY.md").read_text().partition("\n## Threat model\n")[2]
NAMED = re.compile(r"`(tests/[^`]+)`")


def test_every_row_names_tests_and_all_of_them_exist() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 10
    assert [row for row in rows if not NAMED.search(row)] == []
    assert [name for name in NAMED.findall(TABLE) if not (ROOT / name).is_file()] == []


def test_every_file_of_attacks_has_a_row() -> None:
    attacks = {str(file.relative_to(ROOT)) for file in ROOT.glob("tests/attacks/test_*.py")}
    assert attacks - set(NAMED.findall(TABLE)) == set()
