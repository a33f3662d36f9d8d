"""``firstlight train``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.cli.job import recorded
from firstlight.cli.options import Catalog, Device, Home, Json, Preset, Seed, load_plugins, opened
from firstlight.cli.output import print_json, progress_bars
from firstlight.errors import PreconditionError, Reason

if TYPE_CHECKING:
    from firstlight.training import TrainResult


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    *,
    preset: Preset = None,
    seed: Seed = None,
    device: Device = None,
    time_budget: Annotated[
        float | None, typer.Option(help="Minutes that the whole run may take.", min=0.01, show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Activate even where the gate refuses.")] = False,
    job: Annotated[str, typer.Option(hidden=True, help="Id of the training job this run belongs to.")] = "",
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Train a bundle and activate it, unless the gate finds it worse than the active one: exit code 3, and why.

    Examples:

        firstlight train

        firstlight train --preset base --device cuda --time-budget 30
    """
    from firstlight.training import TrainOptions, train as run_training

    with opened(home) as (settings, store):
        options = TrainOptions(
            preset=preset or settings.train.preset,
            seed=settings.train.seed if seed is None else seed,
            device=device or settings.train.device,
            time_budget_s=_seconds(time_budget or settings.train.time_budget_min),
            force=force,
        )
        plugins = load_plugins(settings)
        with recorded(store, job) if job else nullcontext() as log, progress_bars() as bars:
            result = run_training(store, settings, plugins, catalog, options, progress=log or bars)
            if log:
                log.succeeded(result.bundle_id, note="" if result.activated else result.gate.reason)
    _print_result(result, as_json=as_json)
    if not result.activated:
        raise PreconditionError(f"not activated: {result.gate.reason}", reason=Reason.GATE_REFUSED)


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60


def _print_result(result: TrainResult, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "bundle": result.bundle_id,
                "path": str(result.path),
                "activated": result.activated,
                "gate": result.gate.to_json(),
                "metrics": result.metrics,
            }
        )
        return
    print(f"Bundle {result.bundle_id} in {result.path}")
    print(f"{'Activated' if result.activated else 'Not activated'}: {result.gate.reason}")
