"""A table of a benchmark: printed by Rich, and written as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import rich.table
from rich.console import Console


@dataclass(frozen=True)
class Table:
    """Rows of Markdown under ``head``; the first column holds names. ``text``: about all of them."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str = ""

    def markdown(self) -> str:
        """With its title as a heading."""
        lines = [self.head, ("---", *["---:"] * (len(self.head) - 1)), *self.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join(part for part in (f"## {self.title}", self.text, body) if part)

    def show(self, console: Console) -> None:
        """Print it."""
        table = rich.table.Table(title=self.title, caption=self.text or None)
        for n, name in enumerate(self.head):
            table.add_column(name, justify="right" if n else "left")
        for row in self.rows:
            table.add_row(*(cell.replace("**", "").replace("`", "") for cell in row))
        console.print(table)
