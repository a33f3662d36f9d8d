"""A small home with known answers, and a real server for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from firstlight.domain import Interaction, Item, User
from firstlight.settings import init_home
from firstlight.store import open_store
from firstlight.testing import tiny_dataset

# The sequence model is the one whose training takes minutes and whose answers need it; the others take seconds.
QUICK = {
    "FIRSTLIGHT_DISABLE_PLUGINS": "sequence",
    "FIRSTLIGHT_SERVE__DRAIN_DELAY_S": "0",
    "FIRSTLIGHT_SERVE__DRAIN_TIMEOUT_S": "2",
    "OMP_NUM_THREADS": "1",
}


def make_home(home: Path) -> None:
    """The tiny catalogue, a bundle trained on it, and beside it ``older``, ``refused`` and ``corrupt``."""
    settings = init_home(home)
    dataset, store = tiny_dataset(), open_store(settings)
    users = zip(dataset.user_ids, dataset.user_attributes, strict=True)
    items = zip(dataset.item_ids, dataset.item_attributes, strict=True)
    store.upsert_users("default", [User(user_id, attributes) for user_id, attributes in users])
    store.upsert_items("default", [Item(item_id, attributes) for item_id, attributes in items])
    given = dataset.histories
    rows = zip(given.rows, given.items, given.values, given.times, strict=True)
    store.write_interactions(
        "default",
        [
            Interaction(dataset.user_ids[row], dataset.item_ids[item], value=float(value), time_us=int(time))
            for row, item, value, time in rows
        ],
    )
    command = [sys.executable, "-m", "firstlight.cli", "train", "--home", str(home), "--seed", "0"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **QUICK})
    trained = store.active_bundle("default")
    assert trained is not None
    gate = {"decision": "refused", "reason": "worse for new users"}
    _corrupt_copy(settings.bundles / trained.path, settings.bundles / "corrupt")
    store.register_bundle(replace(trained, bundle_id="older", gate={"decision": "first", "reason": ""}))
    store.register_bundle(replace(trained, bundle_id="refused", gate=gate))
    store.register_bundle(replace(trained, bundle_id="corrupt", path="corrupt"))
    store.activate_bundle("default", "older")
    store.activate_bundle("default", trained.bundle_id, forced=True)
    store.close()


def _corrupt_copy(bundle: Path, copied: Path) -> None:
    """A bundle in which one byte is another one."""
    shutil.copytree(bundle, copied)
    file = max(copied.rglob("*.npy"), key=lambda path: path.stat().st_size)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@contextmanager
def serving(home: Path, *, workers: int = 2) -> Iterator[str]:
    """A server of ``home`` on a free port; its address."""
    command = [sys.executable, "-m", "firstlight.cli", "serve", "--home", str(home), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--workers", str(workers)],
        stdout=subprocess.PIPE,
        stderr=(home / "logs" / "serve.log").open("wb"),
        text=True,
        env={**os.environ, **QUICK},
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Serving on "):
                yield line.split()[-1]
                return
        raise RuntimeError(f"the server did not start: {(home / 'logs' / 'serve.log').read_text()}")
    finally:
        process.terminate()
        process.wait(30)
