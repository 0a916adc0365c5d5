"""Lint the row-level security with pgrls, and have it prove that tenants are isolated.

Arguments are SQL that the deploying role runs first: break a policy to see this fail.
"""

import subprocess
import sys

import psycopg

from tools.server import DEPLOYER, ROOT, Server, deploy

TABLES = {"public.tenants", "public.users", "public.skills", "public.skill_messages"}

# What is proved: who has set no tenant reads nothing; a tenant reads, and writes, only its own.
MODES = ["anon", "cross-tenant", "write"]


def pgrls(conninfo: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--config", str(ROOT / "pgrls.toml"), "--database-url", conninfo]
    return subprocess.run(
        [sys.executable, "-m", "pgrls", *arguments, *options],
        capture_output=True,
        text=True,
        check=False,
    )


def findings(conninfo: str) -> list[str]:
    """What pgrls found or could not prove, one text for each of its runs that failed."""
    failed = []
    lint = pgrls(conninfo, "lint")
    if lint.returncode != 0:
        failed.append(f"pgrls lint\n{lint.stdout}{lint.stderr}")

    for mode in MODES:
        verify = pgrls(conninfo, "verify", "--strict", "--mode", mode)
        rows = [line.split() for line in verify.stdout.splitlines()]
        # A table whose row-level security is off is not listed, and would not fail pgrls.
        missing = TABLES - {row[0] for row in rows if row[1:2] == ["PROVEN"]}
        if verify.returncode != 0 or missing:
            title = f"pgrls verify --mode {mode}, not proved: {', '.join(sorted(missing))}"
            failed.append(f"{title}\n{verify.stdout}{verify.stderr}")
    return failed


def main() -> int:
    with Server() as server:
        server.create_database("lint")
        deploy(server.target("lint"))
        with psycopg.connect(server.conninfo("lint", DEPLOYER)) as connection:
            for statement in sys.argv[1:]:
                connection.execute(statement.encode())
        failed = findings(server.conninfo("lint"))
    print(*failed, sep="\n", end="\n" if failed else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
