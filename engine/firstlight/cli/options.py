"""Options that many commands share, and what they resolve to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from firstlight.plugins import Plugins
    from firstlight.settings import Settings
    from firstlight.store import Store


def _check_catalog(value: str) -> str:
    from firstlight.domain.ids import validate_catalog_id

    return validate_catalog_id(value, field="--catalog")


Home = Annotated[
    Path | None,
    typer.Option(help="Home directory. Default: $FIRSTLIGHT_HOME, else ~/.firstlight.", show_default=False),
]
Catalog = Annotated[str, typer.Option(help="Catalogue to work on.", callback=_check_catalog)]
Seed = Annotated[
    int | None, typer.Option(help="Seed. Default: [train] seed.", min=0, max=2**31 - 1, show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


class PresetName(StrEnum):
    """Sizes of the trained model."""

    SMALL = "small"
    BASE = "base"
    LARGE = "large"


class DeviceName(StrEnum):
    """Where to train."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class LogFormatName(StrEnum):
    """How a server logs."""

    TEXT = "text"
    JSON = "json"


Preset = Annotated[
    PresetName | None, typer.Option(help="Size of the model. Default: [train] preset.", show_default=False)
]
Device = Annotated[DeviceName | None, typer.Option(help="Where to train. Default: [train] device.", show_default=False)]


def home_path(home: Path | None) -> Path:
    """The home directory a command works in."""
    return (home or Path(os.environ.get("FIRSTLIGHT_HOME") or "~/.firstlight")).expanduser()


def load_settings(home: Path | None) -> Settings:
    """The settings of an initialised home."""
    from firstlight.settings import Settings

    return Settings.load(home_path(home))


def load_plugins(settings: Settings) -> Plugins:
    """The plugins that ``settings`` leave enabled."""
    from firstlight.plugins import load_plugins as discover

    return discover(settings.plugin_rules)


@contextmanager
def opened(home: Path | None) -> Iterator[tuple[Settings, Store]]:
    """The settings and the open store of an initialised home."""
    from firstlight.store import open_store

    settings = load_settings(home)
    store = open_store(settings)
    try:
        yield settings, store
    finally:
        store.close()
