"""The demo's home: MovieLens 100K imported, a bundle trained and measured, or what an earlier run left."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from firstlight.cli.demo.measure import measured, measuring
from firstlight.cli.options import load_plugins
from firstlight.cli.output import progress_bars, progress_groups
from firstlight.errors import PreconditionError, Reason

if TYPE_CHECKING:
    from firstlight.roles import Progress
    from firstlight.settings import Settings
    from firstlight.store import Store

MARKER = "demo"
"""A file that says: this home is the demo's."""


def prepare(out: Console, home: Path, catalog_id: str) -> None:
    """Make ``home`` hold an active bundle trained on MovieLens 100K and one fold's quality, unless it does.

    Raises:
        PreconditionError: ``home`` holds something else.
    """
    from firstlight.settings import init_home
    from firstlight.store import open_store

    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        raise PreconditionError(f"{home} is not a home of the demo: name an empty one", reason=Reason.HOME_NOT_FOUND)
    home.mkdir(parents=True, exist_ok=True)
    (home / MARKER).touch()
    settings = init_home(home)
    store = open_store(settings)
    try:
        active = store.active_bundle(catalog_id)
        found = measured(store, catalog_id)
        if active is not None:
            when = f"{active.created_at:%Y-%m-%d %H:%M} UTC"
            out.print(
                f"Reusing bundle {active.bundle_id}, trained {when} (delete {home} to start afresh)", soft_wrap=True
            )
        else:
            _import(out, settings, store, catalog_id)
        with (
            progress_groups() as group,
            nullcontext() if found else measuring(home, catalog_id, group("evaluation: ")),
        ):
            if active is None:
                _train(settings, store, catalog_id, group("training: "))
    finally:
        store.close()


def _import(out: Console, settings: Settings, store: Store, catalog_id: str) -> None:
    from firstlight.datasets import import_files, movielens_100k

    files = movielens_100k(settings.home / "cache")
    out.print(f"MovieLens 100K from {files.source}")
    with progress_bars() as progress:
        import_files(
            store,
            catalog_id,
            interactions=files.interactions,
            items=files.items,
            users=files.users,
            reject_dir=settings.home / "rejects",
            progress=progress,
        )


def _train(settings: Settings, store: Store, catalog_id: str, progress: Progress) -> None:
    from firstlight.training import TrainOptions, train

    options = TrainOptions(preset="small", seed=0)
    train(store, settings, load_plugins(settings), catalog_id, options, progress=progress)
