"""``firstlight plugins ...``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from firstlight.cli.options import Catalog, Home, Json, home_path, load_plugins, opened
from firstlight.cli.output import print_json, show_table

app = typer.Typer(help="What is plugged in.", no_args_is_help=True)


@app.callback()
def _plugins() -> None:
    """What is plugged in."""


@app.command("list")
def list_plugins(home: Home = None, catalog: Catalog = "default", as_json: Json = False) -> None:
    """List the plugins found, what each registers, and why one was left out.

    A star marks the components that the catalogue's active bundle was built with.

    Example:

        firstlight plugins list --json
    """
    from firstlight.plugins import load_plugins as discover

    used: set[str] = set()
    if (home_path(home) / "firstlight.toml").exists():
        with opened(home) as (settings, store):
            plugins = load_plugins(settings)
            active = store.active_bundle(catalog)
            used = _components_of(settings.bundles / active.path) if active else set()
    else:
        plugins = discover()
    if as_json:
        print_json([{**asdict(info), "used": sorted(used & set(info.components))} for info in plugins.infos])
        return
    rows = [
        (
            info.name,
            f"{info.distribution} {info.version}",
            ", ".join(f"{name}{'*' if name in used else ''}" for name in info.components),
            info.error or "loaded",
        )
        for info in plugins.infos
    ]
    show_table("plugin", "distribution", "components", "state", rows=rows, empty="No plugins found")


def _components_of(bundle: Path) -> set[str]:
    from firstlight.bundle import Manifest

    return set(Manifest.read(bundle).components)
