"""``firstlight plugins ...``."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

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
    from firstlight.settings import rules_of_environment

    used: set[str] = set()
    if (home_path(home) / "firstlight.toml").exists():
        with opened(home) as (settings, store):
            plugins = load_plugins(settings)
            active = store.active_bundle(catalog)
            used = _components_of(settings.bundles / active.path) if active else set()
    else:
        plugins = discover(rules_of_environment())
    if as_json:
        print_json([{**asdict(info), "used": sorted(used & set(info.components))} for info in plugins.infos])
        return
    rows = [
        (
            info.name,
            f"{info.distribution} {info.version}".strip() or "named in settings",
            ", ".join(f"{name}{'*' if name in used else ''}" for name in info.components),
            ", ".join(hook.removeprefix("firstlight_") for hook in info.hooks if "_register_" not in hook),
            f"{info.state}: {info.error}" if info.error else str(info.state),
        )
        for info in plugins.infos
    ]
    show_table("plugin", "distribution", "components", "other hooks", "state", rows=rows, empty="No plugins found")


class RoleName(StrEnum):
    """What a plugin can be."""

    CANDIDATE_GENERATOR = "candidate_generator"
    COLD_START_STRATEGY = "cold_start_strategy"
    RANKER = "ranker"
    RERANKER = "reranker"
    CANDIDATE_FILTER = "candidate_filter"
    FEATURE_ENCODER = "feature_encoder"
    METRIC = "metric"
    DATASET_READER = "dataset_reader"
    CLI_COMMAND = "cli_command"


@app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(help="Name of the distribution and of its component, such as shop-newest.")],
    role: Annotated[RoleName, typer.Option(help="What it is.")],
    directory: Annotated[Path, typer.Option(help="Where its folder is made.", file_okay=False)] = Path(),
    home: Home = None,  # noqa: ARG001  # every command takes it
    catalog: Catalog = "default",  # noqa: ARG001
) -> None:
    """Write a new plugin: a complete distribution with a component that works, its contract test and a README.

    Example:

        firstlight plugins new shop-newest --role candidate_generator
    """
    from firstlight.cli.new_plugin import write_plugin

    folder = write_plugin(name, role.value, directory)
    print(f"Written to {folder}")
    print(f"Next: pip install -e '{folder}[test]' && pytest {folder}")


def _components_of(bundle: Path) -> set[str]:
    from firstlight.bundle import Manifest

    return set(Manifest.read(bundle).components)
