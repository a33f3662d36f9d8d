"""``firstlight evaluate``."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstlight.cli.options import Catalog, Device, Home, Json, Preset, Seed, load_plugins, opened
from firstlight.cli.output import console, print_json, progress_bars
from firstlight.cli.quality import show_metrics, show_quality

if TYPE_CHECKING:
    from firstlight.roles import Progress
    from firstlight.settings import Settings
    from firstlight.store import Store
    from firstlight.training import TrainOptions


class Protocol(StrEnum):
    """What is held out."""

    ALL = "all"
    NEW_USER = "new-user"
    NEW_ITEM = "new-item"
    WARM = "warm"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    *,
    protocol: Annotated[Protocol, typer.Option(help="What is held out.")] = Protocol.ALL,
    folds: Annotated[int, typer.Option(help="Folds to score, of five.", min=1, max=5)] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Where the report goes. Default: reports/ in the home.", show_default=False)
    ] = None,
    preset: Preset = None,
    seed: Seed = None,
    device: Device = None,
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Measure quality on users and items held out of training, and write a report with plots.

    Every fold is trained anew without what it holds out. One fold gives a first look; claims use all five. Metrics of
    plugins are reported beside NDCG@10 and recall@20.

    Examples:

        firstlight evaluate --protocol new-user

        firstlight evaluate --folds 5 --out report/
    """
    from firstlight.training import TrainOptions

    with opened(home) as (settings, store), progress_bars() as progress:
        options = TrainOptions(
            preset=preset or settings.train.preset,
            seed=settings.train.seed if seed is None else seed,
            device=device or settings.train.device,
        )
        result = run_evaluation(
            store, settings, catalog, protocol=protocol, folds=folds, options=options, out=out, progress=progress
        )
    if as_json:
        print_json(result)
        return
    show_quality(console(), result["rows"])
    show_metrics(console(), result["rows"], result["metrics"])
    for name, why in result["failed_metrics"].items():
        print(f"Metric {name} failed and was left out: {why}")
    print(f"Report: {result['report']}")


def run_evaluation(
    store: Store,
    settings: Settings,
    catalog_id: str,
    *,
    protocol: str,
    folds: int,
    options: TrainOptions,
    out: Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """Evaluate, write the report into ``out`` (default: a new directory in reports/) and keep the result in the store.

    Returns the result as JSON, with the report's path as ``report``.
    """
    from firstlight.evaluation import evaluate as measure, write_report

    plugins = load_plugins(settings)
    dataset = store.load_dataset(catalog_id)
    directory = (out or settings.home / "reports" / f"{catalog_id}-{datetime.now(UTC):%Y%m%dT%H%M%S}").expanduser()
    directory.mkdir(parents=True, exist_ok=True)  # a place that cannot be written to must not cost the long work
    found = measure(
        dataset,
        plugins,
        settings,
        protocol=protocol,
        folds=folds,
        options=options,
        catalog_id=catalog_id,
        progress=progress,
    )
    report = write_report(found, directory, title=f"Catalogue {catalog_id}")
    result = {**found.to_json(), "report": str(report)}
    store.save_evaluation(catalog_id, None, protocol, result)
    return result
