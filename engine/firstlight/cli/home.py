"""``firstlight init``."""

from __future__ import annotations

from typing import Annotated

import typer

from firstlight.cli.options import Catalog, Home, Json, home_path
from firstlight.cli.output import print_json


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    *,
    home: Home = None,
    catalog: Catalog = "default",
    database_url: Annotated[
        str, typer.Option(help="SQLAlchemy URL of the database. Default: SQLite in the home directory.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Make a home directory: settings, database, an empty catalogue. Safe to repeat.

    Examples:

        firstlight init

        firstlight init --home ./shop --catalog books

        firstlight init --database-url postgresql+psycopg://me:secret@localhost/firstlight
    """
    from firstlight.settings import init_home
    from firstlight.store import open_store

    if database_url:  # a database that cannot be used must not become the setting of a home that works
        open_store(database_url).close()
    settings = init_home(home_path(home), database_url=database_url)
    store = open_store(settings)
    try:
        store.ensure_catalog(catalog)
    finally:
        store.close()
    if as_json:
        print_json({"home": str(settings.home), "catalog": catalog})
        return
    print(f"Home: {settings.home} (settings in firstlight.toml), catalogue {catalog!r}")
    print("Next: firstlight import --interactions FILE [--items FILE] [--users FILE]")
