"""Released scripts stay as they are: "make docs" notes the hashes of a release, once.

A change is named as in the plan, so its line stays the same when Sqitch renames its reworked
scripts. Verify scripts have no hash: a later release may make one accept what it adds.
"""

from hashlib import sha256
from pathlib import Path

from tools.onefile import parse, scripts
from tools.server import ROOT

FOLDER = "tests/migration/released"


def releases(root: Path = ROOT) -> dict[str, str]:
    """Each release of the plan, with the hashes of the plan and the scripts up to its tag."""
    plan = (root / "sqitch.plan").read_text()
    changes, tags = parse(plan)
    files = list(scripts(root, changes))
    found = {}
    for tag in tags:
        if tag.endswith("-dev"):
            continue
        end = next(place for place, (_, at) in enumerate(changes, 1) if tag in at)
        lines = [_line(plan[: plan.index(f"\n{tag} ")], "sqitch.plan")]
        for (name, _), file in list(zip(changes, files, strict=True))[:end]:
            for kind in ("deploy", "revert"):
                lines.append(_line((root / kind / file).read_text(), f"{kind}/{name}"))
        found[tag.removeprefix("@")] = "".join(lines)
    return found


def _line(text: str, name: str) -> str:
    return f"{sha256(text.encode()).hexdigest()}  {name}\n"


def noted(root: Path = ROOT) -> dict[str, str]:
    """What was noted when each was released."""
    return {file.stem: file.read_text() for file in (root / FOLDER).glob("*.sha256")}


def note(root: Path = ROOT) -> list[Path]:
    """Writes the file of each release that has none; never one that is there."""
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    written = []
    for release, hashes in releases(root).items():
        if release not in noted(root):
            written.append(root / FOLDER / f"{release}.sha256")
            written[-1].write_text(hashes)
    return written
