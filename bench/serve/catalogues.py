"""Homes to serve: MovieLens 100K as Firstlight trains it, and larger catalogues resampled from its bundle.

Each is kept in a folder named by the hash of the code it depends on. The users are the real ones in all of them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from resampling import Draw, Resampled

import firstlight
import firstlight_plugins
from firstlight.bundle import Bundle, write_bundle
from firstlight.datasets import import_files, movielens_100k
from firstlight.domain import Dataset, ItemTable, Queries
from firstlight.pipeline.indexing import Indexing, sample
from firstlight.pipeline.loading import load_encoders
from firstlight.plugins import load_plugins
from firstlight.settings import Settings, init_home
from firstlight.store import BundleRecord, open_store
from firstlight.training import TrainOptions, train

CATALOG = "default"
SEED = 0
ENGINE = Path(firstlight.__file__).parent
PLUGINS = Path(next(iter(firstlight_plugins.__path__)))
TRAINING = (*(ENGINE / name for name in ("datasets", "domain", "features", "learning", "training")), PLUGINS)
WRITING = (
    ENGINE / "bundle",
    ENGINE / "runtime" / "index.py",
    ENGINE / "pipeline" / "indexing.py",
    Path(__file__).with_name("resampling.py"),
)


def movielens(cache: Path) -> Settings:
    """The home with MovieLens 100K, trained with preset small."""
    home = cache / f"movielens-{code(TRAINING)}"
    if not home.exists():
        building = _fresh(home)
        settings = init_home(building)
        files = movielens_100k(cache / "downloads")
        with closing(open_store(settings)) as store:
            import_files(
                store,
                CATALOG,
                interactions=files.interactions,
                items=files.items,
                users=files.users,
                reject_dir=settings.home / "rejects",
            )
            train(store, settings, load_plugins(), CATALOG, TrainOptions(preset="small", seed=SEED))
        building.rename(home)
    return Settings.load(home)


def catalogue(cache: Path, items: int) -> Settings:
    """The home of a catalogue of ``items``: MovieLens itself, or resampled from it where that has fewer."""
    source = movielens(cache)
    if items <= active(source)[1].manifest.items:
        return source
    home = cache / f"resampled-{items}-{code((*TRAINING, *WRITING))}"
    if not home.exists():
        building = _fresh(home)
        shutil.copytree(source.home, building, ignore=shutil.ignore_patterns("bundles", "cache"))
        activate_resampled(source, init_home(building), items)
        building.rename(home)
    return Settings.load(home)


def active(settings: Settings) -> tuple[BundleRecord, Bundle]:
    """The bundle that a home answers from."""
    with closing(open_store(settings)) as store:
        record = store.active_bundle(CATALOG)
    assert record is not None
    return record, Bundle.open(settings.bundles / record.path, verify=False)


def activate_resampled(source: Settings, settings: Settings, items: int) -> BundleRecord:
    """Let a home with the store of ``source`` answer from a bundle of ``items``, resampled from the source's."""
    record, real = active(source)
    with closing(open_store(settings)) as store:
        users = _queries(real, store.load_dataset(CATALOG))
        path = resample(real, settings.bundles, Draw(real.manifest.items, items, SEED), users)
        own = replace(record, bundle_id=path.name, path=str(path.relative_to(settings.bundles)))
        store.register_bundle(own)
        store.activate_bundle(CATALOG, path.name, forced=True)
    return own


def resample(real: Bundle, root: Path, draw: Draw, users: Queries) -> Path:
    """The bundle of ``draw``'s items in ``root``, by the writer of all bundles; ``users`` measure its indexes."""
    manifest = real.manifest
    root.mkdir(parents=True, exist_ok=True)
    content = draw.rows(real.items.base_content, "content", root / "content.npy")
    share = draw.share.astype(np.float64)
    counts = share * real.items.base_counts[draw.near] + (1 - share) * real.items.base_counts[draw.far]
    items, plugins = ItemTable(content, np.rint(counts).astype(np.int32)), load_plugins()
    path = write_bundle(
        root,
        bundle_id=f"resampled-{draw.size}",
        catalog_id=manifest.catalog_id,
        schema=manifest.schema,
        item_ids=[*map(real.ids.id_of, range(draw.real)), *(f"r{n}" for n in range(draw.real, draw.size))],
        encoders=Resampled(real.encoders, draw, manifest.format),
        items=items,
        components={name: Resampled(real.component(name), draw) for name in manifest.components},  # type: ignore[misc]
        ranker=Resampled(real.ranker, draw),  # type: ignore[arg-type]  # the writer only exports
        ranker_name=manifest.ranker,
        fast=manifest.fast,
        fast_ranker=Resampled(real.fast, draw) if manifest.fast else None,  # type: ignore[arg-type]
        metrics=manifest.metrics,
        evaluation=manifest.evaluation,
        dataset_token=manifest.dataset_token,
        plugins=plugins,
        index=Indexing(items, sample(users), plugins),
    )
    (root / "content.npy").unlink()
    return path


def _queries(real: Bundle, data: Dataset) -> Queries:
    """The real users; MovieLens' items have the same positions in the data and in its bundle."""
    assert data.item_ids == tuple(map(real.ids.id_of, range(real.manifest.items)))
    profiles = load_encoders(real, None).profiles(data.user_attributes)
    return Queries(profiles, data.histories, tuple(data.user_attributes))


def code(places: Iterable[Path]) -> str:
    """The hash of the Python files in ``places``, folders or files."""
    found = hashlib.sha256()
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def _fresh(home: Path) -> Path:
    """A folder to build ``home`` in: it gets its name when it is whole."""
    building = home.with_name(f".{home.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.parent.mkdir(parents=True, exist_ok=True)
    return building
