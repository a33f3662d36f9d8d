"""Titles and genres of the films, and tables of recommendations that show them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from firstlight.client import Client, attributes_of

SHOWN = 8
"""Rows of a list that are printed."""


@dataclass(frozen=True, slots=True)
class Film:
    """What a row shows of an item."""

    title: str
    year: str
    genres: str

    @property
    def name(self) -> str:
        """Title and year."""
        return f"{self.title} ({self.year})" if self.year else self.title

    @classmethod
    def of(cls, message: Any) -> Film:
        """From an ``Item`` message."""
        attributes = attributes_of(message)
        genres = attributes.get("genres", "")
        genres = genres.replace("|", ", ") if isinstance(genres, str) else ", ".join(genres)
        year = attributes.get("year")
        # MovieLens sorts by title: "Godfather, The".
        title = re.sub(r"^(.*), (The|An?)$", r"\2 \1", str(attributes.get("title", message.item_id)))
        return cls(title, f"{year:.0f}" if year else "", genres)


class Films:
    """The catalogue's films by id, read once through the client."""

    def __init__(self, client: Client) -> None:
        self._films = {item.item_id: Film.of(item) for item in client.list_items(page_size=1000)}

    def __len__(self) -> int:
        return len(self._films)

    def __getitem__(self, item_id: str) -> Film:
        return self._films.get(item_id) or Film(item_id, "", "")

    def add(self, client: Client, item_id: str) -> None:
        """Read one film that was added since."""
        self._films[item_id] = Film.of(client.get_item(item_id))

    def show(self, out: Console, answer: Any, *, before: Sequence[str] | None = None) -> None:
        """Print the top of a list; with ``before``, the ids of the list it replaces, how each film moved."""
        # Reasons are shown in full as far as possible: titles and genres share what is left.
        rows = Table(box=None, pad_edge=False, collapse_padding=True, header_style="dim", expand=True)
        rows.add_column("", justify="right", width=5)
        rows.add_column("title", ratio=2, no_wrap=True)
        rows.add_column("genres", ratio=1, no_wrap=True, style="cyan")
        rows.add_column("score", justify="right", width=5)
        rows.add_column("source", width=10, no_wrap=True, style="magenta")
        rows.add_column("why", no_wrap=True, max_width=out.width * 2 // 5)
        for rank, item in enumerate(answer.items[:SHOWN], 1):
            film = self[item.item_id]
            mark = f"{rank}" if before is None else f"{_move(item.item_id, rank, before)} {rank}"
            rows.add_row(mark, film.name, film.genres, f"{item.score:.2f}", item.source, self.why(item))
        out.print(rows)

    def why(self, item: Any) -> str:
        """The reason of a recommended item, with titles in place of ids."""
        seen = item.reason.history_item_id
        return item.reason_text.replace(seen, self[seen].title) if seen else str(item.reason_text)


def ids_of(answer: Any) -> list[str]:
    """The item ids of an answer, best first."""
    return [item.item_id for item in answer.items]


def _move(item_id: str, rank: int, before: Sequence[str]) -> str:
    if item_id not in before:
        return "[green]new[/]"
    steps = before.index(item_id) + 1 - rank
    return f"[green]↑{steps}[/]" if steps > 0 else f"[red]↓{-steps}[/]" if steps < 0 else ""
