"""``firstlight train``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight import logs
from firstlight.cli.bundles import find_bundle
from firstlight.cli.job import recorded
from firstlight.cli.options import Catalog, Device, Home, Json, Preset, Seed, load_plugins, opened
from firstlight.cli.output import print_json, progress_bars
from firstlight.errors import InvalidInputError, NotFoundError, PreconditionError, Reason

if TYPE_CHECKING:
    from firstlight.settings import Settings
    from firstlight.store import Store
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
    from_bundle: Annotated[
        str,
        typer.Option(
            help="Start from what another catalogue's bundle knows: its directory, CATALOG/BUNDLE, or BUNDLE.",
            show_default=False,
        ),
    ] = "",
    job: Annotated[str, typer.Option(hidden=True, help="Id of the training job this run belongs to.")] = "",
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Train a bundle and activate it, unless the gate finds it worse than the active one: exit code 3, and why.

    Examples:

        firstlight train

        firstlight train --preset base --device cuda --time-budget 30

        firstlight train --catalog books --from-bundle films/active
    """
    from firstlight.training import TrainOptions, train as run_training

    with opened(home) as (settings, store):
        if job:
            logs.configure(settings.serve.log_format)
        options = TrainOptions(
            preset=preset or settings.train.preset,
            seed=settings.train.seed if seed is None else seed,
            device=device or settings.train.device,
            time_budget_s=_seconds(time_budget or settings.train.time_budget_min),
            force=force,
            source=find_source(store, settings, catalog, from_bundle) if from_bundle else None,
        )
        plugins = load_plugins(settings)
        with recorded(store, job) if job else nullcontext() as log, progress_bars() as bars:
            result = run_training(store, settings, plugins, catalog, options, progress=log or bars)
            if log:
                log.succeeded(result.bundle_id, note="" if result.activated else result.gate.reason)
    _print_result(result, as_json=as_json)
    if not result.activated:
        raise PreconditionError(f"not activated: {result.gate.reason}", reason=Reason.GATE_REFUSED)


def find_source(store: Store, settings: Settings, catalog: str, wanted: str) -> Path:
    """The folder of the bundle that ``wanted`` names: a directory, ``CATALOG/BUNDLE``, or a bundle of any catalogue.

    Raises:
        NotFoundError: BUNDLE_NOT_FOUND: there is none, or more than one.
        InvalidInputError: it is a bundle of ``catalog`` itself: what it knows, it knows from those who are held out.
    """
    from firstlight.bundle.manifest import MANIFEST

    directory = Path(wanted).expanduser()
    if (directory / MANIFEST).is_file():
        return _of_another(store, catalog, directory.absolute())
    named, slash, beginning = wanted.rpartition("/")
    catalogs = [named] if slash else store.list_catalogs()
    found = []
    for name in catalogs:
        try:
            found.append(find_bundle(store, name, beginning))
        except (NotFoundError, PreconditionError):
            if slash:
                raise
    if len(found) != 1:
        problem = "more than one bundle is" if found else "no directory or bundle is"
        raise NotFoundError(f"{problem} named {wanted!r}: use CATALOG/BUNDLE", reason=Reason.BUNDLE_NOT_FOUND)
    return _of_another(store, catalog, settings.bundles / found[0].path)


def _of_another(store: Store, catalog: str, directory: Path) -> Path:
    try:
        find_bundle(store, catalog, directory.name)
    except NotFoundError:
        return directory
    raise InvalidInputError(f"{directory.name} is a bundle of catalogue {catalog!r} itself: name one of another")


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
    logs.say(f"Bundle {result.bundle_id} in {result.path}")
    logs.say(f"{'Activated' if result.activated else 'Not activated'}: {result.gate.reason}")
