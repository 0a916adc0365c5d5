"""How the demo talks."""

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)


def table(title: str, *columns: str, rows: list[tuple[object, ...]]) -> None:
    grid = Table(*columns, title=title, title_justify="left", title_style="bold", expand=False)
    for row in rows:
        grid.add_row(*map(str, row))
    console.print(grid, "")


def chapter(text: str) -> None:
    console.rule(f"[bold]{text}", align="left")
