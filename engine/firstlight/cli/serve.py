"""``firstlight serve``."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from firstlight import logs
from firstlight.cli.options import Catalog, Home, LogFormatName, load_settings


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: [serve] host.", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port; 0 takes a free one. Default: [serve] port.", min=0, max=65535, show_default=False),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes. Default: [serve] workers.", min=1, max=256, show_default=False)
    ] = None,
    worker_ports: Annotated[
        bool | None,
        typer.Option(
            help="Each worker listens on a port of its own too, the next ones after --port. "
            "Default: [serve] worker_ports.",
            show_default=False,
        ),
    ] = None,
    takeover: Annotated[
        bool | None,
        typer.Option(
            help="Take the place of a server of the same home that has the port, once this one answers. "
            "Default: [serve] takeover.",
            show_default=False,
        ),
    ] = None,
    log_format: Annotated[
        LogFormatName | None,
        typer.Option(
            help="Log lines of text, or json: an object a line. Default: [serve] log_format.", show_default=False
        ),
    ] = None,
    home: Home = None,
    catalog: Catalog = "default",
) -> None:
    """Serve all catalogues of a home over gRPC until interrupted. Says at start which bundle --catalog answers from.

    Examples:

        firstlight serve

        firstlight serve --host 0.0.0.0 --port 7070 --workers 4 --worker-ports

        firstlight serve --takeover
    """
    from firstlight.server import serve as run_server
    from firstlight.store import open_store

    settings = load_settings(home)
    if log_format:
        chosen = settings.serve.model_copy(update={"log_format": log_format.value})
        settings = settings.model_copy(update={"serve": chosen})
    logs.configure(settings.serve.log_format)
    with closing(open_store(settings)) as store:
        active = store.active_bundle(catalog)
    answer = f"answers from bundle {active.bundle_id}" if active else "has no active bundle yet: run firstlight train"
    logs.say(f"Catalogue {catalog!r} {answer}")
    run_server(settings, host=host, port=port, workers=workers, worker_ports=worker_ports, takeover=takeover)
