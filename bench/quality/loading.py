"""The data set: MovieLens 100K, or a folder in the import format, as a training run reads it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from firstlight.datasets import Readers, import_files, is_built_in, movielens_100k
from firstlight.domain import Dataset
from firstlight.errors import InvalidInputError
from firstlight.plugins import Plugins
from firstlight.settings import Settings
from firstlight.store import open_store


def load(settings: Settings, plugins: Plugins, folder: Path | None) -> Dataset:
    """The data in ``folder`` (``interactions.*``, and ``items.*``, ``users.*``, ``schema.toml`` where there are).

    None: MovieLens 100K. Files are imported once into the store of ``settings``.

    Raises:
        InvalidInputError: a file cannot be used, or ``interactions.*`` is not one file.
    """
    if folder is None:
        found = movielens_100k(settings.home / "cache")
        files: dict[str, Path | None] = {
            "interactions": found.interactions,
            "items": found.items,
            "users": found.users,
            "schema": None,
        }
    else:
        files = {name: _one(folder, name) for name in ("interactions", "items", "users")}
        files["schema"] = folder / "schema.toml" if (folder / "schema.toml").is_file() else None
    if files["interactions"] is None:
        raise InvalidInputError(f"{folder} holds no file interactions.*")
    catalog = f"data-{_digest(files)}"
    done = settings.home / "cache" / f"{catalog}.imported"
    plugged = any(path and not is_built_in(path) for name, path in files.items() if name != "schema")
    store = open_store(settings)
    try:
        if not done.exists():
            import_files(
                store,
                catalog,
                **files,
                reject_dir=settings.home / "rejects",
                readers=Readers.of(plugins, settings.plugins) if plugged else None,
            )
            done.touch()
        return store.load_dataset(catalog)
    finally:
        store.close()


def _one(folder: Path, name: str) -> Path | None:
    found = sorted(path for path in folder.glob(f"{name}.*") if path.is_file())
    if len(found) > 1:
        raise InvalidInputError(f"{folder} holds more than one file {name}.*: {', '.join(p.name for p in found)}")
    return found[0] if found else None


def _digest(files: dict[str, Path | None]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{name} {path.name if path else ''} ".encode())
        if path is not None:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
