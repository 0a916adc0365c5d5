"""The pgTAP files, one item each: isolation and rules as the roles meet them."""

from pathlib import Path

import pytest
from conftest import Database
from server import pg_prove

FILES = sorted((Path(__file__).parent / "pgtap").glob("*/*.sql"))


@pytest.mark.parametrize("file", FILES, ids=[f"{file.parent.name}/{file.stem}" for file in FILES])
def test_pgtap(deployed: Database, file: Path) -> None:
    report = pg_prove(deployed.server, deployed.name, file)
    assert report.returncode == 0, report.stdout + report.stderr
    print(report.stdout)
