"""Write what is generated: the reference, the schema as one file, the sync client.

And, once for each release, the hashes of its scripts.

tests/docs/test_generated.py fails as long as one of them is not what this would write.
"""

import sys
from pathlib import Path
from typing import Any

import psycopg

from tools.flavours import MODULES, PACKAGE, sync_flavour
from tools.onefile import onefile
from tools.reference import reference
from tools.released import note
from tools.server import ROOT, Server, deploy


def generated(connection: psycopg.Connection[Any]) -> dict[Path, str]:
    """Every file with what it should be, from a database to which the schema is deployed."""
    return {
        ROOT / "docs" / "reference.md": reference(connection),
        ROOT / "sql" / "skill_messages.sql": onefile(),
        **{PACKAGE / f"{module}.py": sync_flavour(module) for module in MODULES},
    }


def main() -> int:
    with Server() as server:
        server.create_database("docs")
        deploy(server.target("docs"))
        with psycopg.connect(server.conninfo("docs"), autocommit=True) as connection:
            files = generated(connection)
    for file, content in files.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    for file in [*files, *note()]:
        print(file.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
