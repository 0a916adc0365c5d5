"""The pages hang together: on a code host, and as the site that mkdocs builds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from skill_messages import errors
from tools.server import ROOT

LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchor(heading: str) -> str:
    """As code hosts make it from a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def broken(page: Path) -> list[str]:
    found = []
    for link in LINK.finditer(page.read_text()):
        target = page.parent / link[1] if link[1] else page
        fits = target.exists()
        if fits and link[2]:
            fits = link[2] in map(anchor, HEADING.findall(target.read_text()))
        if not fits:
            found.append(link[0])
    return found


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "SECURITY.md", "docs"])
def test_no_link_is_broken_on_a_code_host(page: str) -> None:
    pages = sorted((ROOT / page).rglob("*.md")) if page == "docs" else [ROOT / page]
    assert {str(each): found for each in pages if (found := broken(each))} == {}


def test_the_package_index_shows_no_link_into_the_repository() -> None:
    assert LINK.search((ROOT / "python/README.md").read_text()) is None


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_site_builds_and_none_of_its_links_is_broken(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # What stands after a block's language is no part of the page.
    page = (tmp_path / "operating" / "index.html").read_text()
    assert "```" not in page
    assert "restore-data" not in page


def test_the_table_of_errors_is_that_of_the_package() -> None:
    """SQLSTATE, exception, when, HTTP status, what to tell a person."""
    table = (ROOT / "docs/python.md").read_text().partition("\n## Errors\n")[2]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert {(row[0], row[1].strip("`"), row[3], row[4]) for row in rows[1:]} == {
        (known.sqlstate, known.__name__, str(known.http_status), known.user_message)
        for known in errors.SkillMessageError.__subclasses__()
    }
