"""``firstlight tune``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.cli.options import Catalog, Device, Home, Json, Preset, Seed, load_plugins, opened
from firstlight.cli.output import print_json, progress_bars
from firstlight.errors import InvalidInputError

if TYPE_CHECKING:
    from firstlight.tuning import Tuned


class Objective(StrEnum):
    """Whose lists are to become better."""

    NEW_USER = "new-user"
    NEW_ITEM = "new-item"
    WARM = "warm"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tune")(tune)


def tune(
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(
            help="plugins.COMPONENT.SETTING=LOW:HIGH, =LOW:HIGH:log or =A,B,C, repeatable. Default: a space for the "
            "built-in components.",
            show_default=False,
        ),
    ] = None,
    objective: Annotated[Objective, typer.Option(help="Whose lists are to become better.")] = Objective.NEW_USER,
    trials: Annotated[int, typer.Option(help="Trials in all, those of earlier runs included.", min=1)] = 20,
    timeout: Annotated[
        float | None, typer.Option(help="Minutes after which no trial begins.", min=0.01, show_default=False)
    ] = None,
    exclude_fold: Annotated[
        int | None,
        typer.Option(
            help="Leave out this fold of evaluate (0 to 4), to report on it.", min=0, max=4, show_default=False
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the best settings into firstlight.toml.")] = False,
    preset: Preset = None,
    seed: Seed = None,
    device: Device = None,
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Search for better settings of components, and print the best ones to paste into firstlight.toml.

    A trial cross-fits as training does and is worth the mean NDCG@10 of the fusion on what its fits had not seen.
    Ctrl-C keeps the trials that ended; the same command goes on from there.

    Examples:

        firstlight tune --trials 30 --timeout 60

        firstlight tune --param plugins.sequence.learning_rate=1e-4:1e-2:log --write
    """
    from firstlight.roles import FitOptions
    from firstlight.training.options import device_of
    from firstlight.tuning import default_space, held_out_fold, parse_parameter, tune as search, write_settings

    with opened(home) as (settings, store), progress_bars() as progress:
        plugins = load_plugins(settings)
        options = FitOptions(
            seed=settings.train.seed if seed is None else seed,
            preset=preset or settings.train.preset,
            device=device_of(device or settings.train.device),
        )
        space = tuple(parse_parameter(text) for text in param) if param else default_space(plugins)
        dataset = store.load_dataset(catalog)
        if exclude_fold is not None:
            dataset = held_out_fold(dataset, exclude_fold, seed=options.seed)
        found = search(
            dataset,
            plugins,
            settings,
            space,
            objective=objective,
            trials=trials,
            timeout_s=None if timeout is None else timeout * 60,
            options=options,
            catalog_id=catalog,
            question="" if exclude_fold is None else f"without fold {exclude_fold}",
            progress=progress,
        )
        if not found.trials:
            raise InvalidInputError("no trial ended: give more time")
        file = write_settings(settings.home, found.settings) if write and found.settings else None
    _print(found, written=str(file) if file else "", as_json=as_json)


def _print(found: Tuned, *, written: str, as_json: bool) -> None:
    from dataclasses import asdict

    from firstlight.tuning import to_toml

    if as_json:
        print_json({**asdict(found), "toml": to_toml(found.settings), "written": written})
        return
    before = "" if found.current is None else f"; the settings as they were: {found.current:.4f}"
    print(f"# {found.trials} trials, {found.pruned} of them ended early. Best NDCG@10: {found.value:.4f}{before}")
    print(to_toml(found.settings).rstrip() or "# No trial was better than the settings as they are.")
    if written:
        print(f"# Written into {written}")
