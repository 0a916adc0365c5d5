"""A table and the first lines that all pages share."""

from typing import Any


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def setting(result: dict[str, Any]) -> str:
    """The machine, the versions and the settings."""
    machine = result["machine"]
    settings = ", ".join(f"`{name} = {value}`" for name, value in result["settings"].items())
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB; "
        f"{versions}. fsync on ({machine['fsync_ms']['p50']:.2g} ms for a page), warm cache, "
        f"defaults except {settings}."
    )
