"""``firstlight import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstlight.cli.options import Catalog, Home, Json, load_plugins, opened
from firstlight.cli.output import print_json, progress_bars
from firstlight.errors import InvalidInputError, Reason

InputFile = Annotated[
    Path | None, typer.Option(help="CSV, Parquet, JSON Lines, or what a plugin reads.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_data)


def import_data(
    *,
    interactions: InputFile = None,
    items: InputFile = None,
    users: InputFile = None,
    schema: Annotated[
        Path | None, typer.Option(help="schema.toml that fixes the kinds of attributes.", show_default=False)
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse files with bad rows instead of leaving them out.")
    ] = False,
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Read interactions, items and users into a catalogue. Importing the same file twice changes nothing.

    Interactions need the columns user_id and item_id; rating (or value), type and timestamp are optional. Items need
    item_id and users user_id; all their other columns are attributes. Plugins may read further formats.

    Examples:

        firstlight import --interactions ratings.csv --items films.csv --users people.csv

        firstlight import --items new-films.jsonl --catalog films

        firstlight import --interactions clicks.parquet --schema schema.toml --strict
    """
    from firstlight.datasets import Readers, import_files, is_built_in

    files = {"--interactions": interactions, "--items": items, "--users": users}
    if not any(files.values()):
        raise InvalidInputError(f"nothing to import: give {', '.join(files)}", reason=Reason.INPUT_FILE_INVALID)
    plugged = any(path and not is_built_in(path) for path in files.values())
    with opened(home) as (settings, store), progress_bars() as progress:
        report = import_files(
            store,
            catalog,
            interactions=interactions,
            items=items,
            users=users,
            schema=schema,
            strict=strict,
            reject_dir=settings.home / "rejects",
            readers=Readers.of(load_plugins(settings), settings.plugins) if plugged else None,
            progress=progress,
        )
    if as_json:
        print_json(report.to_json())
    else:
        print(report.to_text())
