"""The sync flavour of the client's modules, made from the async one, which is written by hand."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from unasync import Rule, unasync_files

from tools.server import ROOT

PACKAGE = ROOT / "python/src/skill_messages"
MODULES = ["client", "listener"]

# What differs besides async, await and the names that unasync knows by itself.
TEXTS = {
    "Awaitable[psycopg.AsyncConnection[Any]]": "psycopg.Connection[Any]",
    "asyncio.sleep": "time.sleep",
    "asyncio": "threading",
}
NAMES = {
    "AsyncConnection": "Connection",
    "AsyncCursor": "Cursor",
    "AsyncRowFactory": "RowFactory",
    "AsyncSkillMessages": "SkillMessages",
    "listen_async": "listen",
}


def sync_flavour(module: str) -> str:
    """What belongs into ``{module}.py``, from ``{module}_async.py`` beside it."""
    text = (PACKAGE / f"{module}_async.py").read_text()
    for old, new in TEXTS.items():
        text = text.replace(old, new)
    with TemporaryDirectory() as folder:
        source, made = Path(folder, "async", "module.py"), Path(folder, "sync", "module.py")
        source.parent.mkdir()
        source.write_text(text)
        unasync_files([str(source)], [Rule("/async/", "/sync/", NAMES)])
        text = made.read_text()
    text = f'# Generated from {module}_async.py by "make docs": change that, not this.\n{text}'
    for command in (["check", "--fix", "--unsafe-fixes", "--exit-zero"], ["format"]):
        text = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename=module.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
    return text
