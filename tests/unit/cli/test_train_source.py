"""Which bundle ``train --from-bundle`` means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firstlight.cli.train import find_source
from firstlight.domain import Schema
from firstlight.errors import InvalidInputError, NotFoundError, PreconditionError
from firstlight.settings import init_home
from firstlight.store import BundleRecord, open_store


@pytest.fixture
def shop(tmp_path):
    """Settings and store of a home: catalogue films with two bundles, the first active, and books with one."""
    settings = init_home(tmp_path / "home")
    store = open_store(settings)
    for catalog, bundle_id in (("films", "1-a"), ("films", "2-b"), ("books", "2-c")):
        record = BundleRecord(
            catalog, bundle_id, f"{catalog}/{bundle_id}", datetime(2026, 1, 1, tzinfo=UTC), "small", 0, 0, Schema()
        )
        store.register_bundle(record)
    store.activate_bundle("films", "1-a")
    store.ensure_catalog("new")
    yield settings, store
    store.close()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("films/2-b", "films/2-b"), ("films/active", "films/1-a"), ("1", "films/1-a"), ("2-c", "books/2-c")],
)
def test_by_id_of_any_catalogue(shop, wanted, found):
    settings, store = shop
    assert find_source(store, settings, "new", wanted) == settings.bundles / found


def test_a_directory(shop, tmp_path):
    settings, store = shop
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/manifest.json").write_text("{}")
    assert find_source(store, settings, "new", str(tmp_path / "copy")) == tmp_path / "copy"


@pytest.mark.parametrize(
    ("wanted", "error"),
    [("2", NotFoundError), ("9", NotFoundError), ("films/9", NotFoundError), ("books/active", PreconditionError)],
)
def test_one_that_is_not_there_or_not_the_only_one(shop, wanted, error):
    settings, store = shop
    with pytest.raises(error):
        find_source(store, settings, "new", wanted)


def test_a_bundle_of_the_same_catalogue_is_refused(shop):
    settings, store = shop
    with pytest.raises(InvalidInputError, match="itself"):
        find_source(store, settings, "films", "films/2-b")
