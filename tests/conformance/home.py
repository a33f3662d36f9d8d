"""A small home with known answers, and a real server for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc

from firstlight.domain import Interaction, Item, User
from firstlight.settings import init_home
from firstlight.store import open_store
from firstlight.testing import tiny_dataset
from firstlight.v1.recommendation_pb2 import Degradation, Query
from firstlight.v1.recommendation_service_pb2 import BatchRecommendRequest
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

# The two that train with torch take minutes; the others take seconds.
QUICK = {
    "FIRSTLIGHT_DISABLE_PLUGINS": "sequence,student",
    "FIRSTLIGHT_SERVE__DRAIN_DELAY_S": "0",
    "FIRSTLIGHT_SERVE__DRAIN_TIMEOUT_S": "2",
    "OMP_NUM_THREADS": "1",
}
WARMING_CONNECTIONS = 16
"""Which of two workers takes a connection is chance: one of 30,000 times all of these meet the same one."""
WARMING_TRIES = 50


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


def warm(address: str, user_ids: Collection[str]) -> None:
    """Let every worker read ``user_ids`` before the cases: a server answers without a user whom it cannot read in time.

    Raises:
        RuntimeError: a user could not be read, often as it was tried.
    """
    request = BatchRecommendRequest(queries=[Query(user_id=user_id, limit=1) for user_id in user_ids])
    for _ in range(WARMING_CONNECTIONS if user_ids else 0):
        with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = RecommendationServiceStub(channel)
            if not any(_all_read(stub, request) for _ in range(WARMING_TRIES)):
                raise RuntimeError(f"the server could not read {', '.join(user_ids)} in {WARMING_TRIES} tries")


def _all_read(stub: RecommendationServiceStub, request: BatchRecommendRequest) -> bool:
    answers = stub.BatchRecommend(request, timeout=30, wait_for_ready=True).recommendations
    late = Degradation.REASON_USER_STATE_UNAVAILABLE
    return not any(one.reason == late for answer in answers for one in answer.degraded)
