from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from firstlight.datasets import ImportReport, import_files
from firstlight.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'firstlight.db'}")
    yield store
    store.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a text file and returns its path."""

    def writer(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return writer


@pytest.fixture
def load(store: Store, tmp_path: Path) -> Callable[..., ImportReport]:
    return partial(import_files, store, "default", reject_dir=tmp_path / "rejects")
