"""``firstlight demo``: MovieLens in, recommendations out over gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstlight.cli.options import Catalog

DEFAULT_HOME = "~/.cache/firstlight/demo-home"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    *,
    home: Annotated[Path, typer.Option(help="Home directory of the demo alone.", envvar=None)] = Path(DEFAULT_HOME),
    catalog: Catalog = "default",
) -> None:
    """Show a recommender meet a new user and a new film: MovieLens 100K, trained here, asked over gRPC.

    The second run reuses the trained bundle.

    Example:

        firstlight demo
    """
    from firstlight.cli.demo.tour import run_tour

    run_tour(home.expanduser(), catalog)
