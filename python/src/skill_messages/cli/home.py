"""The folders of `dev`: what is thrown away, and what is kept."""

import hashlib
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from . import project
from .programs import ServerError, hand_over

# In a folder that is kept: the release of its schema. Written last, so it is whole.
MARK = "skill-messages-dev"


@contextmanager
def scratch_folder() -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="skill-messages-") as folder:
        hand_over(folder)
        yield Path(folder)


@contextmanager
def home(keep: Path | None, scratch: Path, major: int) -> Generator[tuple[Path, bool]]:
    """The folder of the data, and whether it is fresh. One that does not get its mark goes again.

    Raises:
        ServerError: The folder to keep is not fit.
    """
    folder = keep.resolve() if keep else scratch
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    if (folder / MARK).exists():
        if (folder / MARK).read_text() != mark():
            release = (folder / MARK).read_text().split()[0]
            raise ServerError(
                f"{keep} holds another schema, of release {release}, than this package "
                f"({project.version()}): name another folder"
            )
        kept = (data / "PG_VERSION").read_text().strip()
        if kept != str(major):
            raise ServerError(
                f"{keep} holds data of PostgreSQL {kept}, and this server is of {major}: "
                "name another folder, or the programs of that version with --pgbin"
            )
        yield data, False
        return
    if keep and any(folder.iterdir()):
        raise ServerError(f"{keep} is not empty, and dev did not make it: name another folder")
    data.mkdir()
    try:
        yield data, True
    finally:
        if not (folder / MARK).exists():
            shutil.rmtree(data)


def finish(data: Path) -> None:
    """What is in it is whole."""
    (data.parent / MARK).write_text(mark())


def mark() -> str:
    """Which schema it is: the release, and the text itself, which changes within one."""
    return f"{project.version()} {hashlib.sha256(project.one_file().read_bytes()).hexdigest()}\n"
