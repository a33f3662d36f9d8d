"""What was found, as settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tomlkit

from firstlight.settings import SETTINGS_FILE
from firstlight.tuning.space import Choice


def to_toml(found: Mapping[str, Choice]) -> str:
    """``found`` (by ``plugins.<component>.<setting>``) as tables for ``firstlight.toml``."""
    document = tomlkit.document()
    _put(document, found)
    return tomlkit.dumps(document)


def write_settings(home: Path, found: Mapping[str, Choice]) -> Path:
    """Put ``found`` into the settings of ``home``; everything else in the file stays as it is. Returns the file."""
    file = home / SETTINGS_FILE
    document = tomlkit.parse(file.read_text("utf-8"))
    _put(document, found)
    file.write_text(tomlkit.dumps(document), "utf-8")
    return file


def _put(document: tomlkit.TOMLDocument, found: Mapping[str, Choice]) -> None:
    if not found:
        return
    plugins = document.setdefault("plugins", tomlkit.table(is_super_table=True))
    for name, value in found.items():
        _, component, setting = name.split(".")
        plugins.setdefault(component, tomlkit.table())[setting] = value
